"""Robyn: `python robyn_app.py --processes 1 --workers 1`, with the port and the folder in the environment."""

import os
from urllib.parse import unquote

from robyn import Request, Robyn

app = Robyn(__file__)
app.serve_directory(route="/static", directory_path=os.environ["FILES"])


@app.get("/plaintext")
def plaintext():
    return "Hello, World!"


@app.get("/json")
def message():
    return {"message": "Hello, World!"}


@app.get("/hello/:name")
def hello(request: Request):
    query = request.query_params
    return {
        "name": unquote(request.path_params["name"]),
        "age": int(query.get("age", "0")),
        "skills": query.get_all("skills"),
    }


@app.post("/body")
def body(request: Request):
    return request.json()


for number in range(200):
    app.get(f"/route/{number}")(plaintext)

if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(os.environ["PORT"]))
