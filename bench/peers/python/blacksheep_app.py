"""BlackSheep, for granian."""

import os

from blacksheep import Application, FromJSON, WebSocket, WebSocketDisconnectError, get, json, post, text, ws

app = Application()
app.serve_files(os.environ["FILES"], root_path="/static")


@get("/plaintext")
def plaintext():
    return text("Hello, World!")


@get("/json")
def message():
    return json({"message": "Hello, World!"})


@get("/hello/{name}")
def hello(name: str, age: int, skills: list[str]):
    return json({"name": name, "age": age, "skills": skills})


@post("/body")
def body(order: FromJSON[dict]):
    return json(order.value)


for number in range(200):
    get(f"/route/{number}")(plaintext)


@ws("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_bytes(await websocket.receive_bytes())
    except WebSocketDisconnectError:
        pass
