"""An application behind ASGI servers: HTTP and lifespan."""

import asyncio
import gc
import json
import logging
import socket
import time
import weakref

import pytest
from hosting import ASGI_HOSTS, PATIENCE, ask_json, hosted, wait_for

from simple_http_server import AppConf, BytesBody, Request, RequestBodyReader, Response
from simple_http_server.http_session_local import LocalSessionFactory
from simple_http_server.logger import add_handler, remove_handler
from simple_http_server.server import init_asgi_proxy


@pytest.fixture(scope="module", params=ASGI_HOSTS)
def host(request, folder):
    with hosted(request.param, folder) as host:
        yield host


def begin(host, text):
    client = socket.create_connection(("127.0.0.1", host.port), PATIENCE)
    client.sendall(text.replace("\n", "\r\n").encode())
    return client


def receive_until(client, text):
    received = b""
    while text not in received:
        piece = client.recv(65536)
        assert piece, received
        received += piece
    return received


def receive_all(client):
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_coroutine_runs_in_the_event_loop_of_the_host(host):
    for x in range(3):
        assert ask_json(host, "GET", f"/later?x={x}") == {"x": x + 1}


def test_fields_have_titles_and_several_lines(host):
    with begin(
        host, "GET /headers HTTP/1.1\nHost: x\nX-A: 1\nX-A: 2\nX--B: 3\nConnection: close\n\n"
    ) as client:
        found = json.loads(receive_all(client).partition(b"\r\n\r\n")[2].strip(b"0123456789abcdef\r\n"))
    assert found["headers"]["X-A"] == "1, 2"
    assert found["headers"]["X--B"] == "3"
    assert found["client"] == "127.0.0.1"
    assert found["scheme"] == "http"


def test_the_environment_is_the_scope(host):
    assert ask_json(host, "GET", "/environment") == {"kind": "dict", "method": "GET"}


def test_a_body_in_chunks_is_read_as_it_comes(host, folder):
    gate = f"{host.name}.arrived"
    head = f"POST /arrivals?gate={gate} HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nConnection: close\n\n"
    with begin(host, head + "5\nfirst\n") as client:
        wait_for((folder / gate).exists)
        assert (folder / gate).read_text() == "first"
        client.sendall(b"6\r\nsecond\r\n0\r\n\r\n")
        assert b"firstsecond" in receive_all(client)


@pytest.mark.parametrize("path", ["pieces_async", "pieces_from_thread"])
def test_what_is_written_is_passed_on_as_it_comes(host, folder, path):
    gate = f"{host.name}.{path}"
    with begin(host, f"GET /{path}?gate={gate} HTTP/1.1\nHost: x\nConnection: close\n\n") as client:
        received = receive_until(client, b"first\n")
        assert b"second" not in received
        (folder / gate).touch()
        received += receive_all(client)
    assert b" 200 " in received
    assert b"second\n" in received


def test_answers_without_a_body(host):
    answer, body = host.ask("GET", "/nothing")
    assert (answer.status, body) == (204, b"")
    answer, body = host.ask("HEAD", "/headers")
    assert (answer.status, body) == (200, b"")
    answer, _ = host.ask("GET", "/redirect")
    assert (answer.status, answer.getheader("Location")) == (302, "/hello/there")


def test_errors_are_answers(host):
    answer, body = host.ask("GET", "/boom")
    assert answer.status == 500
    assert json.loads(body) == {"code": 500, "message": "Internal Server Error", "explain": "it went wrong"}
    for path in ("/boom_async", "/bad_header"):
        assert host.ask("GET", path)[0].status == 500, path
    assert host.ask("GET", "/nowhere")[0].status == 404
    assert host.ask("GET", "/later?x=one")[0].status == 400
    assert host.ask("GET", "/later?x=1")[0].status == 200


def test_a_controller_whose_client_goes_is_cancelled(host, folder):
    gate = f"{host.name}.gone"
    if host.name == "granian-rust":
        return  # it drives coroutines itself: what is no task cannot be cancelled
    with begin(host, f"GET /patient?gate={gate} HTTP/1.1\nHost: x\n\n"):
        wait_for((folder / f"{gate}.begun").exists)
    wait_for((folder / f"{gate}.cancelled").exists)
    assert ask_json(host, "GET", "/later?x=1") == {"x": 2}


def test_the_host_ends_in_order(folder):
    """With lifespan: the server is told that the application has started, and that it has ended."""
    for name in ("uvicorn", "hypercorn", "granian"):
        with hosted(name, folder) as host:
            assert ask_json(host, "GET", "/later?x=1") == {"x": 2}
            assert host.stop() in (0, -15), host.log()
            assert "Traceback" not in host.log()
            assert "lifespan" not in host.log().lower(), host.log()


class Application:
    """An application of one controller, called as a server would."""

    def __init__(self, controller, **options):
        conf = AppConf()
        conf.request_map("/x", method=["GET", "POST"])(controller)
        self.proxy = init_asgi_proxy(app_conf=conf, **options)

    def ask(self, messages=(), after=None, **scope):
        return asyncio.run(self.converse(messages, after, **scope))

    async def converse(self, messages=(), after=None, send=None, **scope):
        """What is sent in answer to these messages; `after` says when the client goes."""
        messages = list(messages) or [{"type": "http.request"}]
        sent = []
        answered = asyncio.Event()

        async def receive():
            if messages:
                return messages.pop(0)
            await (after or answered).wait()
            return {"type": "http.disconnect"}

        async def keep(message):
            sent.append(message)
            if not message.get("more_body", True):
                answered.set()

        given = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": [], **scope}
        await asyncio.wait_for(self.proxy.app_proxy(given, receive, send or keep), PATIENCE)
        return sent


def body_of(sent):
    return b"".join(message["body"] for message in sent[1:])


def test_names_are_in_lower_case_and_fields_of_the_connection_stay_away():
    def controller(res=Response()):
        res.set_header("X-Foo", ["one", "two"])
        res.set_header("Connection", "close")
        return "text"

    start, body = Application(controller, compatible=False).ask()
    assert start["headers"] == [
        (b"x-foo", b"one"),
        (b"x-foo", b"two"),
        (b"content-type", b"text/plain; charset=utf8"),
        (b"content-length", b"4"),
    ]
    assert body == {"type": "http.response.body", "body": b"text", "more_body": False}


def test_a_body_is_read_to_its_end_whatever_its_length():
    def controller(body: BytesBody):
        return bytes(body)

    pieces = [b"a", b"", b"b" * 100_000, b""]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"c"})
    sent = Application(controller).ask(messages, method="POST")
    assert body_of(sent) == b"".join(pieces) + b"c"


def test_no_body_is_asked_for_that_nobody_wants():
    async def run():
        sent = []

        async def receive():
            raise AssertionError("nobody wants this body")

        async def send(message):
            sent.append(message)

        application = Application(lambda: "unread")
        scope = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"content-length", b"5")]}
        await application.proxy.app_proxy(scope, receive, send)
        return sent

    assert body_of(asyncio.run(run())) == b"unread"


def test_a_client_that_goes_in_the_midst_of_its_body():
    seen = []

    async def controller(reader: RequestBodyReader):
        try:
            return await reader.read()
        finally:
            seen.append("ended")

    messages = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    Application(controller).ask(messages, method="POST")
    assert seen == ["ended"]
    assert Application(lambda body=BytesBody(): "x").ask(messages[1:], method="POST") == []


def test_a_controller_that_waits_is_cancelled_when_its_client_goes():
    async def run():
        gone = asyncio.Event()
        seen = []

        async def controller():
            gone.set()
            try:
                await asyncio.sleep(PATIENCE)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        sent = await Application(controller).converse(after=gone)
        await asyncio.sleep(0)  # the task of the host itself has not been cancelled
        return seen, sent

    assert asyncio.run(run()) == (["cancelled"], [])


def test_a_host_that_cancels_is_heard():
    async def run():
        begun = asyncio.Event()

        async def controller():
            begun.set()
            await asyncio.sleep(PATIENCE)

        task = asyncio.ensure_future(Application(controller).converse())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_a_controller_that_has_answered_may_go_on():
    async def run():
        seen = []

        async def controller(res=Response()):
            res.body = "early"
            res.send_response()
            await answered.wait()
            await asyncio.sleep(0.01)
            seen.append("done")

        answered = asyncio.Event()
        application = Application(controller)
        sent = []

        async def send(message):
            sent.append(message)
            if not message.get("more_body", True):
                answered.set()

        async def receive():
            await answered.wait()
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
        await application.proxy.app_proxy(scope, receive, send)
        return body_of(sent), seen

    assert asyncio.run(run()) == (b"early", ["done"])


def test_a_host_that_says_that_the_client_has_gone():
    pieces = []

    async def controller(res=Response()):
        for number in range(1000):
            res.write_bytes(b"x")
            pieces.append(number)
            await asyncio.sleep(0.001)

    async def send(message):
        raise OSError("the client has gone")

    asyncio.run(Application(controller).converse(send=send))
    assert len(pieces) < 1000


def test_a_controller_that_keeps_the_event_loop_is_named():
    said = []

    class Listening(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())

    def keeps_everybody_waiting():
        time.sleep(0.2)
        return "at last"

    handler = Listening()
    add_handler(handler)
    try:
        Application(keeps_everybody_waiting).ask()
        wait_for(lambda: any("keeps_everybody_waiting" in text for text in said))
    finally:
        remove_handler(handler)


def test_a_mounted_application_sees_what_is_below():
    application = Application(lambda req=Request(): req.path)
    assert body_of(application.ask(path="/mount/x", root_path="/mount")) == b"/x"
    assert body_of(application.ask(path="/x", root_path="/mount")) == b"/x"


def test_what_is_no_request_is_answered():
    application = Application(lambda: "never")
    assert application.ask(method="G E T")[0]["status"] == 501
    assert application.ask(headers=[(b"a b", b"c")])[0]["status"] == 400
    assert application.ask(headers=[("text", "c")])[0]["status"] == 400
    assert application.ask(query_string=b"\xff\xfe=1")[0]["status"] == 200
    assert application.ask(path="/")[0]["status"] == 404


def test_a_session_factory_may_be_given():
    factory = LocalSessionFactory()
    application = Application(lambda req=Request(): req.get_session(True).id, session_factory=factory)
    assert factory.get_session(body_of(application.ask()).decode()) is not None


def test_lifespan():
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    application = Application(lambda: "")
    asyncio.run(application.proxy.app_proxy({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(ValueError, match="'other'"):
        asyncio.run(application.proxy.app_proxy({"type": "other"}, receive, send))


def test_the_task_of_a_controller_is_that_of_the_host():
    async def run():
        tasks = []

        async def controller():
            tasks.append(asyncio.current_task())
            await asyncio.sleep(0)
            tasks.append(asyncio.current_task())

        application = Application(controller)

        async def serve():
            tasks.append(asyncio.current_task())
            await application.converse()

        await serve()
        return tasks

    tasks = asyncio.run(run())
    assert tasks[1] is tasks[2]


class Tracked(dict):
    """A scope that can be watched."""


def controllers_that_keep_nothing():
    def asks(req=Request()):
        return type(req.environment).__name__

    async def waits(req=Request()):
        await asyncio.sleep(0)
        return type(req.environment).__name__

    async def writes(req=Request(), res=Response()):
        for letter in type(req.environment).__name__:
            res.write_bytes(letter.encode())
            await asyncio.sleep(0)

    async def reads(reader: RequestBodyReader, req=Request()):
        await reader.read()
        return type(req.environment).__name__

    async def is_left(req=Request()):
        assert req.environment
        await asyncio.sleep(PATIENCE)

    return [asks, waits, writes, reads, is_left]


@pytest.mark.parametrize("controller", controllers_that_keep_nothing())
def test_the_request_is_let_go(controller):
    """Nothing of an exchange outlives it."""
    application = Application(controller)
    is_left = controller.__name__ == "is_left"

    async def ask():
        scope = Tracked({"type": "http", "method": "GET", "path": "/x", "headers": []})
        sent = []
        answered = asyncio.Event()
        messages = [{"type": "http.request"}]

        async def receive():
            if not messages and not is_left:
                await answered.wait()
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)
            if not message.get("more_body", True):
                answered.set()

        await application.proxy.app_proxy(scope, receive, send)
        assert body_of(sent) == (b"" if is_left else b"Tracked")
        return weakref.ref(scope)

    kept = asyncio.run(ask())
    gc.collect()
    assert kept() is None
