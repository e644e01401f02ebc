"""An application for the tests of hosts: ``wsgi`` and ``asgi`` are what a server is given."""

import asyncio
import os
import threading
import time

from simple_http_server import (
    BytesBody,
    HttpError,
    MultipartFile,
    PathValue,
    Redirect,
    Request,
    RequestBodyReader,
    Response,
    StaticFile,
    WebsocketHandler,
    error_message,
    request_filter,
    request_map,
    websocket_handler,
    websocket_message,
)
from simple_http_server.models.websocket import WEBSOCKET_MESSAGE_TEXT
from simple_http_server.server import init_asgi_proxy, init_wsgi_proxy

FOLDER = os.environ.get("HOSTED_FOLDER", ".")


def wait_for_file(name):
    while not os.path.exists(os.path.join(FOLDER, name)):
        time.sleep(0.01)


async def wait_for_file_async(name):
    while not os.path.exists(os.path.join(FOLDER, name)):
        await asyncio.sleep(0.01)


def note(name, text=""):
    """Leaves a file with a text for the test, whole from the moment when it is there."""
    path = os.path.join(FOLDER, name)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)


@request_map("/hello/{name}")
def hello(name: PathValue, size: int = 0, req=Request()):
    return {"path": req.path, "value": name, "size": size, "query": req.query_string}


@request_map("/later")
async def later(x: int):
    await asyncio.sleep(0)
    assert asyncio.get_running_loop() is not None
    return {"x": x + 1}


@request_map("/headers", method=["GET", "HEAD"])
def headers(req=Request()):
    return {"headers": dict(req.headers), "client": req.client, "scheme": req.scheme}


@request_map("/environment")
def environment(req=Request()):
    given = req.environment
    return {"kind": type(given).__name__, "method": given.get("REQUEST_METHOD") or given.get("method")}


@request_map("/echo", method="POST")
def echo(body: BytesBody):
    return bytes(body)


@request_map("/form", method="POST")
def form(name: str):
    return name


@request_map("/upload", method="POST")
def upload(file: MultipartFile):
    return {"name": file.filename, "size": len(file.content)}


@request_map("/read", method="POST")
async def read(reader: RequestBodyReader):
    size = 0
    while True:
        piece = await reader.read(100_000)
        if not piece:
            return {"size": size}
        size += len(piece)


@request_map("/read_all", method="POST")
async def read_all(reader: RequestBodyReader):
    return {"size": len(await reader.read())}


@request_map("/arrivals", method="POST")
async def arrivals(gate: str, reader: RequestBodyReader):
    first = await reader.read(10)
    note(gate, first.decode())
    return first + await reader.read()


@request_map("/pieces")
def pieces(gate: str, res=Response()):
    res.set_header("Content-Type", "text/plain")
    res.write_bytes(b"first\n")
    wait_for_file(gate)
    res.write_bytes(b"second\n")


@request_map("/pieces_async")
async def pieces_async(gate: str, res=Response()):
    res.set_header("Content-Type", "text/plain")
    res.write_bytes(b"first\n")
    await wait_for_file_async(gate)
    res.write_bytes(b"second\n")
    res.close()


@request_map("/pieces_from_thread")
async def pieces_from_thread(gate: str, res=Response()):
    res.set_header("Content-Type", "text/plain")
    await asyncio.get_running_loop().run_in_executor(None, res.write_bytes, b"first\n")
    await wait_for_file_async(gate)
    res.write_bytes(b"second\n")


@request_map("/many_pieces")
def many_pieces(res=Response()):
    res.set_header("Content-Type", "text/plain")
    for number in range(1000):
        res.write_bytes(b"%06d\n" % number)


@request_map("/sent_early")
def sent_early(gate: str, res=Response()):
    res.body = "early"
    res.send_response()
    wait_for_file(gate)
    note(gate + ".after")


@request_map("/close")
def close(res=Response()):
    res.status_code = 202
    res.close()


@request_map("/nothing")
def nothing():
    return 204


@request_map("/redirect")
def redirect():
    return Redirect("/hello/there")


@request_map("/file")
def file():
    return StaticFile(os.path.join(FOLDER, "large"), "text/plain")


@request_map("/boom")
def boom():
    raise RuntimeError("it went wrong")


@request_map("/boom_async")
async def boom_async():
    await asyncio.sleep(0)
    raise KeyboardInterrupt("raised by a controller")


@request_map("/cancelled")
async def cancelled():
    await asyncio.sleep(0)
    raise asyncio.CancelledError


@request_map("/bad_header")
def bad_header():
    return Response(200, {"X-Bad": "a\r\nb: c"}, "never")


@request_map("/teapot")
def teapot():
    raise HttpError(418, "Short And Stout", "tip me over")


@error_message("418")
async def teapot_page(code: int, message: str, explain: str):
    await asyncio.sleep(0)
    return f"{code} {message}: {explain}"


@request_map("/visits")
def visits(req=Request()):
    session = req.get_session(True)
    count = (session.get_attribute("visits") or 0) + 1
    session.set_attribute("visits", count)
    return str(count)


@request_filter("/filtered")
async def mark(context):
    await asyncio.sleep(0)
    context.response.set_header("X-Filtered", "yes")
    context.do_chain()


@request_map("/filtered")
def filtered():
    return "<html>" + "filtered " * 100 + "</html>"


@request_map("/patient")
async def patient(gate: str):
    note(gate + ".begun")
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        note(gate + ".cancelled")
        raise


@websocket_handler(endpoint="/ws/{room}")
class Room(WebsocketHandler):
    def on_handshake(self, request):
        refused = request.get_parameter("refuse")
        if refused == "raise":
            raise ValueError("no")
        if refused:
            return int(refused), {"X-Why": "because"}
        return 0, {"X-Room": ["first", b"second"], "Sec-WebSocket-Protocol": "chat"}

    def on_open(self, session):
        if session.request.get_parameter("fail") == "open":
            raise RuntimeError("no room")
        if session.request.get_parameter("greet"):
            session.send_text("welcome")

    def on_close(self, session, reason):
        name = session.request.get_parameter("note")
        if name:
            note(name, f"{session.is_closed}|{reason.message}|{reason.code}|{reason.reason}")

    async def on_text_message(self, session, message):
        await asyncio.sleep(0)
        if message == "bye":
            session.send_text("one")
            session.send_text("two")
            session.close("see you")
        elif message == "raise":
            raise RuntimeError("broken")
        elif message in ("ping", "pone", "file"):
            send = {"ping": session.send_ping, "pone": session.send_pone, "file": session.send_file}[message]
            try:
                send("x")
            except Exception as error:
                session.send_text(f"{type(error).__name__}: {error}")
        elif message == "thread":
            thread = threading.Thread(target=session.send_text, args=("from a thread",))
            thread.start()
        elif message == "thread closes":
            thread = threading.Thread(target=session.close, args=("elsewhere",))
            thread.start()
        elif message == "wait":
            session.send_text("waiting")
            await wait_for_file_async(session.request.get_parameter("gate"))
            session.send_text("waited")
        elif message == "many":
            for number in range(100):
                session.send_text(str(number))
        else:
            session.send_text(
                f"{session.request.path}: {message}", chunk_size=3 if message == "chunks" else 0
            )

    def on_binary_message(self, session, message):
        session.send_binary(message[::-1])


@websocket_message("/functions", message_type=WEBSOCKET_MESSAGE_TEXT)
def answer_text(session, message):
    session.send(message.upper())


RESOURCES = {"/static/*": FOLDER}

wsgi = init_wsgi_proxy(resources=RESOURCES, gzip_content_types={"text/html"}).app_proxy
asgi = init_asgi_proxy(resources=RESOURCES, gzip_content_types={"text/html"}).app_proxy
