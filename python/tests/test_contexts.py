"""What a request sets in its context, and what it leaves behind in its event loop, is no other request's affair."""

import asyncio
import contextvars
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from wsgiref.util import setup_testing_defaults

import pytest
from running import PATIENCE, running

from simple_http_server import (
    AppConf,
    FilterContext,
    Response,
    WebsocketHandler,
    WebsocketSession,
)
from simple_http_server.http_server import HttpServer
from simple_http_server.server import init_wsgi_proxy

USER = contextvars.ContextVar("USER", default="nobody")

MODES = pytest.mark.parametrize("coroutine", [False, True], ids=["threads", "coroutine"])


def application():
    conf = AppConf()

    @conf.request_filter("/filtered/*")
    def sign_in(context: FilterContext):
        name = context.request.get_parameter("name", "")
        before = USER.get()
        if name:
            USER.set(name)
        context.response.set_header("Before", before)
        context.do_chain()

    @conf.request_filter("/filtered-later")
    async def sign_in_later(context: FilterContext):
        before = USER.get()
        USER.set("filter")
        await asyncio.sleep(0)
        context.response.set_header("Before", f"{before} {USER.get()}")
        context.do_chain()

    def look(name=""):
        before = USER.get()
        if name:
            USER.set(str(name))
        return f"{before} {USER.get()}"

    @conf.route("/plain")
    @conf.route("/filtered/plain")
    def plain(name: str = ""):
        return look(name)

    @conf.route("/async")
    @conf.route("/filtered/async")
    async def never_waits(name: str = ""):
        return look(name)

    @conf.route("/async-later")
    @conf.route("/filtered/async-later")
    async def waits(name: str = ""):
        seen = look(name)
        await asyncio.sleep(0)
        return f"{seen} {USER.get()}"

    @conf.route("/filtered-later")
    async def filtered_later():
        return USER.get()

    @conf.route("/fail")
    def fail(name: str = ""):
        look(name)
        raise LookupError

    @conf.error_message("500")
    def page(code, message="", explain=""):
        return USER.get()

    return conf


def ask(port, target):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}") as answer:
            return answer.read().decode(), answer.headers.get("Before")
    except urllib.error.HTTPError as error:
        return error.read().decode(), None


@MODES
@pytest.mark.parametrize("path", ["plain", "async", "async-later"])
def test_a_variable_ends_with_its_request(path, coroutine):
    with running(application(), coroutine=coroutine) as port:
        assert ask(port, f"/{path}?name=alice")[0].startswith("nobody alice")
        for _ in range(3):
            assert ask(port, f"/{path}")[0].startswith("nobody nobody")
        text, before = ask(port, f"/filtered/{path}?name=bob")
        assert text.startswith("bob bob")
        assert before == "nobody"
        assert ask(port, f"/filtered/{path}") == (ask(port, f"/{path}")[0], "nobody")


@MODES
def test_what_an_async_filter_sets_the_controller_sees(coroutine):
    with running(application(), coroutine=coroutine) as port:
        for _ in range(2):
            assert ask(port, "/filtered-later") == ("filter", "nobody filter")


@MODES
def test_an_error_page_has_a_context_of_its_own(coroutine):
    with running(application(), coroutine=coroutine) as port:
        assert ask(port, "/fail?name=alice")[0] == "nobody"
        assert ask(port, "/plain")[0] == "nobody nobody"


def test_a_variable_ends_with_its_request_behind_wsgi():
    proxy = init_wsgi_proxy(app_conf=application())

    def call(path, query=""):
        environ = {"PATH_INFO": path, "QUERY_STRING": query}
        setup_testing_defaults(environ)
        return b"".join(proxy.app_proxy(environ, lambda status, fields: None)).decode()

    for path in ("/plain", "/async", "/async-later", "/filtered/plain"):
        first = call(path, "name=alice")
        assert first.endswith("alice")
        assert call(path).startswith("nobody nobody")


@MODES
def test_a_variable_ends_with_its_websocket_event(coroutine):
    import websockets.sync.client

    conf = application()

    @conf.websocket_handler(endpoint="/talk")
    class Talk(WebsocketHandler):
        def on_text_message(self, session: WebsocketSession, message: str):
            before = USER.get()
            USER.set(message)
            session.send(before)

    connect = websockets.sync.client.connect
    with running(conf, coroutine=coroutine) as port, connect(f"ws://127.0.0.1:{port}/talk") as client:
        for name in ("alice", "bob"):
            client.send(name)
            assert client.recv() == "nobody"


@contextmanager
def in_its_own_loop(conf):
    """Serves in an event loop that is the server's own; the port."""
    server = HttpServer(("127.0.0.1", 0), prefer_corountine=True, app_conf=conf)
    thread = threading.Thread(target=server.start)
    thread.start()
    try:
        while not server.ready:
            assert thread.is_alive()
        yield server.server.bind().port
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def leaving():
    """Controllers that leave tasks behind."""
    conf = AppConf()
    seen = []

    async def goes_on():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def leaves():
        await asyncio.sleep(0)
        sys.exit(3)

    @conf.route("/begin")
    async def begin(response=Response()):
        task = asyncio.get_running_loop().create_task(goes_on())
        await asyncio.sleep(0)
        return "begun" if not task.done() else "ended"

    @conf.route("/leave")
    async def leave():
        task = asyncio.get_running_loop().create_task(leaves())
        await asyncio.wait([task])
        return f"left with {task.exception()}"

    @conf.route("/leave-later")
    async def leave_later():
        asyncio.get_running_loop().create_task(leaves())
        return "leaving"

    @conf.route("/plain")
    async def plain():
        await asyncio.sleep(0)
        return "plain"

    return conf, seen


def test_on_a_thread_tasks_end_with_the_request_that_began_them():
    conf, seen = leaving()
    with running(conf, max_workers=1) as port:
        assert ask(port, "/begin")[0] == "begun"
        assert seen == ["cancelled"]
        assert ask(port, "/plain")[0] == "plain"


@MODES
def test_a_task_that_exits_ends_itself_alone(coroutine):
    conf, _ = leaving()
    with in_its_own_loop(conf) if coroutine else running(conf) as port:
        for _ in range(3):
            assert ask(port, "/leave")[0] == "left with 3"
            assert ask(port, "/leave-later")[0] == "leaving"
            assert ask(port, "/plain")[0] == "plain"
