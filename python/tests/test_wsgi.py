"""An application behind WSGI servers."""

import asyncio
import contextlib
import gc
import io
import json
import os
import signal
import socket
import sys
import threading
import time
import weakref
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hosting import PATIENCE, WSGI_HOSTS, ask_json, hosted, wait_for

from simple_http_server import AppConf, HttpError, Request, RequestBodyReader, Response
from simple_http_server.http_session_local import LocalSessionFactory
from simple_http_server.server import init_wsgi_proxy


@pytest.fixture(scope="module", params=WSGI_HOSTS)
def host(request, folder):
    with hosted(request.param, folder) as host:
        yield host


def test_a_coroutine_runs_in_an_event_loop_of_the_thread(host):
    for x in range(3):
        assert ask_json(host, "GET", f"/later?x={x}") == {"x": x + 1}


def test_fields_have_their_names_back(host):
    found = ask_json(host, "GET", "/headers", headers={"X-Foo-Bar": "1", "Accept": "b, c"})
    assert found["headers"]["X-Foo-Bar"] == "1"
    assert found["headers"]["Accept"] == "b, c"
    assert found["client"] == "127.0.0.1"
    assert found["scheme"] == "http"


def test_the_environment_is_that_of_the_server(host):
    assert ask_json(host, "GET", "/environment") == {"kind": "dict", "method": "GET"}


@pytest.mark.parametrize("path", ["/echo", "/read"])
def test_bodies_that_come_slowly_do_not_wait_for_each_other(host, path):
    """Those of greenlets neither: they have one thread in common."""
    old_granian = host.name.startswith("granian") and sys.version_info < (3, 10)
    one_at_a_time = host.name == "gunicorn" or old_granian
    no_loop_each = host.name == "gunicorn-gevent" and path == "/read"
    if one_at_a_time or no_loop_each:
        return
    length = 200_000
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", host.port), PATIENCE))
            for _ in range(3)
        ]
        for client in clients:
            client.sendall(head.encode())
        for _ in range(length // 50_000):
            for client in clients:
                client.sendall(b"x" * 50_000)
                assert host.ask("GET", "/hello/between")[0].status == 200
        for client in clients:
            answer = b"".join(iter(lambda client=client: client.recv(65536), b""))
            assert b" 200 " in answer.partition(b"\r\n")[0]
            assert answer.endswith(b"x" * length) or b"200000" in answer


def test_a_body_in_chunks_is_read_where_the_server_says_where_it_ends(host):
    old_granian = host.name.startswith("granian") and sys.version_info < (3, 10)
    if host.name.startswith("wsgiref") or old_granian:
        return  # they don't
    body = iter([b"abc", b"def"])
    answer, text = host.ask("POST", "/echo", body, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert answer.status == 200
    assert text == b"abcdef"


@pytest.mark.parametrize("path", ["pieces", "pieces_async", "pieces_from_thread"])
def test_what_is_written_is_passed_on_as_it_comes(host, folder, path):
    gate = f"{host.name}.{path}"
    passes_on = not host.name.startswith("granian") and not (path.endswith("thread") and "async" in host.name)
    if not passes_on:
        (folder / gate).touch()
    with socket.create_connection(("127.0.0.1", host.port), PATIENCE) as client:
        client.sendall(f"GET /{path}?gate={gate} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while b"first\n" not in received:
            piece = client.recv(65536)
            assert piece, received
            received += piece
        if passes_on:
            assert b"second" not in received
        (folder / gate).touch()
        while piece := client.recv(65536):
            received += piece
    assert b"200 OK" in received
    assert b"second\n" in received


def test_a_response_that_is_sent_early_is_there_before_the_controller_ends(host, folder):
    gate = f"{host.name}.early"
    if host.name.startswith("granian"):
        (folder / gate).touch()
    with socket.create_connection(("127.0.0.1", host.port), PATIENCE) as client:
        client.sendall(
            f"GET /sent_early?gate={gate} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        received = b""
        while b"early" not in received:
            piece = client.recv(65536)
            assert piece, received
            received += piece
        (folder / gate).touch()
        while client.recv(65536):
            pass
    wait_for((folder / f"{gate}.after").exists)


def test_answers_without_a_body(host):
    answer, body = host.ask("GET", "/nothing")
    assert (answer.status, body) == (204, b"")
    assert answer.getheader("Content-Type") is None
    answer, body = host.ask("HEAD", "/headers")
    assert (answer.status, body) == (200, b"")
    answer, _ = host.ask("GET", "/redirect")
    assert (answer.status, answer.getheader("Location")) == (302, "/hello/there")


def test_errors_are_answers(host):
    answer, body = host.ask("GET", "/boom")
    assert answer.status == 500
    assert json.loads(body) == {"code": 500, "message": "Internal Server Error", "explain": "it went wrong"}
    for path in ("/boom_async", "/cancelled", "/bad_header"):
        assert host.ask("GET", path)[0].status == 500, path
    answer, body = host.ask("GET", "/nowhere")
    assert answer.status == 404
    if not host.name.startswith("granian"):  # which has words of its own
        assert answer.reason == "Controller Not Found"
    assert host.ask("GET", "/later?x=one")[0].status == 400
    assert host.ask("GET", "/later?x=1")[0].status == 200


def test_a_websocket_is_not_implemented(host):
    fields = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    answer, body = host.ask("GET", "/ws/x", headers=fields)
    assert answer.status == 501
    assert json.loads(body)["code"] == 501


def test_many_clients_at_once(host):
    failures = []

    def visit(number):
        try:
            if host.name != "gunicorn-gevent":  # whose greenlets cannot have an event loop each
                assert ask_json(host, "GET", f"/later?x={number}") == {"x": number + 1}
            assert ask_json(host, "GET", f"/hello/{number}")["value"] == str(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_host_has_no_complaint(host):
    log = host.log()
    assert "AssertionError" not in log
    assert "unclosed" not in log
    assert "never awaited" not in log


class Application:
    """An application of one controller, called as a server would."""

    def __init__(self, controller, path="/x", **options):
        conf = AppConf()
        conf.request_map(path, method=["GET", "POST"])(controller)
        self.proxy = init_wsgi_proxy(app_conf=conf, **options)
        self.written = []

    def ask(self, path="/x", body=None, application=None, **environ):
        given = {}
        setup_testing_defaults(given)
        given["PATH_INFO"] = path
        if body is not None:
            given.update({"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body)})
            given["CONTENT_LENGTH"] = str(len(body))
        given.update(environ)
        given = {name: value for name, value in given.items() if value is not None}
        started = []

        def start_response(status, fields, exc_info=None):
            started.append((status, dict(fields)))
            return self.written.append

        pieces = (application or self.proxy.app_proxy)(given, start_response)
        try:
            body = b"".join(pieces)
        finally:
            getattr(pieces, "close", lambda: None)()
        ((status, fields),) = started
        return status, fields, body


@pytest.mark.filterwarnings("ignore:QUERY_STRING")
def test_an_environment_may_lack_what_it_may_lack():
    application = Application(lambda req=Request(): {"path": req.path, "query": req.query_string})
    checked = validator(application.proxy.app_proxy)
    status, _, body = application.ask(application=checked, QUERY_STRING=None, HTTP_X__FOO="double")
    assert status == "200 OK"
    assert json.loads(body) == {"path": "/x", "query": ""}


def test_what_is_no_request_is_answered():
    application = Application(lambda: "never")
    assert application.ask(CONTENT_LENGTH="many")[0] == "400 Bad Request"
    assert application.ask(CONTENT_LENGTH="-1")[0] == "400 Bad Request"
    assert application.ask(HTTP_X="a\r\nb")[0] == "400 Bad Request"
    assert application.ask(REQUEST_METHOD="G E T")[0].startswith("501 ")
    assert application.ask(PATH_INFO="")[0].startswith("404 ")
    assert application.ask(PATH_INFO="x")[0] == "200 OK"
    assert application.ask(PATH_INFO="/" + "x" * 100_000)[0].startswith("414 ")


def test_a_body_that_breaks_off_is_a_bad_request():
    def read(body: bytes = b"", req=Request()):
        return req.body

    async def read_all(reader: RequestBodyReader):
        return await reader.read()

    application = Application(read_all)
    status, _, body = application.ask(body=b"abc", CONTENT_LENGTH="10")
    assert status == "400 Bad Request"
    assert "7 bytes of it have not come" in json.loads(body)["explain"]

    class Broken:
        def read(self, size):
            raise OSError("the client has gone")

    status, _, body = application.ask(body=b"abc", **{"wsgi.input": Broken()})
    assert status == "400 Bad Request"
    assert "the client has gone" in json.loads(body)["explain"]


def test_a_session_factory_may_be_given():
    factory = LocalSessionFactory()
    application = Application(lambda req=Request(): req.get_session(True).id, session_factory=factory)
    _, fields, body = application.ask()
    assert body.decode() in fields["Set-Cookie"]
    assert factory.get_session(body.decode()) is not None


def test_a_server_that_can_send_no_more_hears_its_own_error():
    seen = []

    def controller(res=Response()):
        try:
            res.write_bytes(b"one")
            res.write_bytes(b"two")
        except Exception as error:
            seen.append(type(error).__name__)

    application = Application(controller)

    def start_response(status, fields, exc_info=None):
        def write(piece):
            raise BrokenPipeError("nobody listens")

        return write

    environ = {}
    setup_testing_defaults(environ)
    environ["PATH_INFO"] = "/x"
    with pytest.raises(BrokenPipeError, match="nobody listens"):
        application.proxy.app_proxy(environ, start_response)
    assert seen == ["ClientGone"]


def test_a_coroutine_within_an_event_loop_is_for_async_app_proxy():
    async def controller():
        return "later"

    application = Application(controller)

    async def answer_in_loop(answer):
        environ = {}
        setup_testing_defaults(environ)
        environ["PATH_INFO"] = "/x"
        started = []
        result = answer(environ, lambda *given: started.append(given))
        if asyncio.iscoroutine(result):
            result = await result
        return started, list(result)

    with pytest.raises(RuntimeError, match="async_app_proxy"):
        asyncio.run(answer_in_loop(application.proxy.app_proxy))
    started, body = asyncio.run(answer_in_loop(application.proxy.async_app_proxy))
    assert started[0][0] == "200 OK"
    assert body == [b"later"]


def test_one_application_may_call_another():
    inner = Application(lambda: "inner")

    def controller(res=Response()):
        res.write_bytes(b"outer ")
        res.write_bytes(inner.ask()[2])

    outer = Application(controller)
    assert outer.ask()[2] == b""
    assert outer.written == [b"outer ", b"inner"]


def test_the_loop_of_a_thread_ends_with_the_thread():
    loops = []

    async def controller():
        loops.append(asyncio.get_running_loop())
        return ""

    application = Application(controller)
    thread = threading.Thread(target=lambda: [application.ask(), application.ask()])
    thread.start()
    thread.join()
    gc.collect()
    assert loops[0] is loops[1]
    assert loops[0].is_closed()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_answers_too(folder):
    """Hosts fork after the application was imported, or even used."""
    application = Application(lambda: "x", resources={"/files/*": str(folder)})
    assert len(application.ask("/files/large")[2]) == 1_000_000
    child = os.fork()
    if child == 0:
        whole = len(application.ask("/files/large")[2]) == 1_000_000
        os._exit(0 if whole else 1)
    end = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    assert status == 0


def test_errors_may_be_kept_from_clients():
    def controller():
        raise ValueError("a secret")

    application = Application(controller, expose_errors=False)
    assert b"secret" not in application.ask()[2]
    assert application.ask()[0] == "500 Internal Server Error"


def test_an_error_with_words_of_its_own_keeps_them():
    def controller():
        raise HttpError(409, "Out Of Stock", "none left")

    assert Application(controller).ask()[0] == "409 Out Of Stock"


class Tracked(dict):
    """An environment that can be watched."""


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

    return [asks, waits, writes]


@pytest.mark.parametrize("controller", controllers_that_keep_nothing())
def test_the_request_is_let_go(controller):
    """Nothing of an exchange outlives it, but for what an event loop has still to do."""
    application = Application(controller)

    def ask():
        environ = Tracked()
        setup_testing_defaults(environ)
        environ["PATH_INFO"] = "/x"
        body = b"".join(application.proxy.app_proxy(environ, lambda *given: application.written.append))
        assert b"".join(application.written) + body == b"Tracked"
        application.written.clear()
        return weakref.ref(environ)

    kept = ask()
    end = time.monotonic() + PATIENCE
    while kept() is not None:
        assert time.monotonic() < end
        ask()
        gc.collect()
