"""WebSocket behind ASGI servers."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest
from hosting import PATIENCE, hosted
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from simple_http_server import AppConf, WebsocketHandler
from simple_http_server.server import init_asgi_proxy

HOSTS = ["uvicorn", "uvicorn-h11", "hypercorn", "granian"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hosted")


@pytest.fixture(scope="module", params=HOSTS)
def host(request, folder):
    with hosted(request.param, folder) as host:
        yield host


def open_(host, target="/ws/blue", **options):
    return connect(f"ws://127.0.0.1:{host.port}{target}", open_timeout=PATIENCE, **options)


def wait_for_note(folder, name):
    end = time.monotonic() + PATIENCE
    while not (folder / name).exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    return (folder / name).read_text(encoding="utf-8")


def test_texts_and_bytes_go_both_ways(host):
    with open_(host) as client:
        client.send("hello, 中")
        assert client.recv(PATIENCE) == "ws/blue: hello, 中"
        client.send(b"abc")
        assert client.recv(PATIENCE) == b"cba"
        client.send("")
        assert client.recv(PATIENCE) == "ws/blue: "
        client.send(b"")
        assert client.recv(PATIENCE) == b""


def test_large_and_many_messages(host):
    with open_(host) as client:
        client.send("x" * 500_000)
        assert client.recv(PATIENCE) == "ws/blue: " + "x" * 500_000
        client.send("many")
        assert [client.recv(PATIENCE) for _ in range(100)] == [str(number) for number in range(100)]


def test_a_path_beyond_ascii(host):
    with open_(host, "/ws/%E4%B8%AD?greet=1") as client:
        assert client.recv(PATIENCE) == "welcome"
        client.send("x")
        assert client.recv(PATIENCE) == "ws/中: x"


def test_the_handshake_has_fields_and_a_subprotocol(host):
    with open_(host, subprotocols=["other", "chat"]) as client:
        if host.name != "granian":  # which sends no fields with a handshake, and once sent no subprotocol
            assert client.subprotocol == "chat"
            assert client.response.headers.get_all("X-Room") == ["first", "second"]
    with open_(host) as client:
        assert client.subprotocol is None


@pytest.mark.parametrize(
    ("target", "status"), [("/ws/x?refuse=401", 401), ("/ws/x?refuse=raise", 500), ("/nowhere", 404)]
)
def test_a_handshake_may_be_refused(host, target, status):
    with pytest.raises(InvalidStatus) as refused, open_(host, target):
        pass
    response = refused.value.response
    if host.name == "granian":  # whose releases for old versions of Python say 403 for all
        assert response.status_code in (status, 403)
        return
    assert response.status_code == status
    if status == 401:
        assert response.headers["X-Why"] == "because"


def test_closing_sends_first_what_was_sent_before(host, folder):
    name = f"{host.name}.server_closes"
    with open_(host, f"/ws/x?note={name}") as client:
        client.send("bye")
        assert client.recv(PATIENCE) == "one"
        assert client.recv(PATIENCE) == "two"
        with pytest.raises(ConnectionClosed):
            client.recv(PATIENCE)
        assert (client.close_code, client.close_reason) == (1000, "see you")
    assert wait_for_note(folder, name) == "True|Server asked to close connection.|None|"


def test_a_client_closes(host, folder):
    name = f"{host.name}.client_closes"
    with open_(host, f"/ws/x?note={name}") as client:
        client.close(4001, "enough")
    closed, message, code, reason = wait_for_note(folder, name).split("|")
    assert (closed, message) == ("True", "Client asked to close connection.")
    assert code == "4001" or host.name == "hypercorn"  # which says 1006 for whatever the client has said
    assert reason in ("enough", "")  # not every host hands it on


def test_a_client_vanishes(host, folder):
    name = f"{host.name}.vanishes"
    with open_(host, f"/ws/x?note={name}") as client:
        client.socket.shutdown(socket.SHUT_RDWR)
        closed, message, code, _ = wait_for_note(folder, name).split("|")
    assert (closed, message) == ("True", "Client asked to close connection.")
    assert code in ("1005", "1006")


def test_an_exception_closes_with_its_text(host, folder):
    name = f"{host.name}.fails"
    with open_(host, f"/ws/x?note={name}") as client:
        client.send("raise")
        with pytest.raises(ConnectionClosed):
            client.recv(PATIENCE)
        assert (client.close_code, client.close_reason) == (1011, "Error occurs when on_message. broken")
    assert wait_for_note(folder, name).startswith("True|Server asked to close connection.")
    with open_(host, "/ws/x?fail=open") as client:
        with pytest.raises(ConnectionClosed):
            client.recv(PATIENCE)
        assert (client.close_code, client.close_reason) == (1011, "Error occurs when on_open. no room")


@pytest.mark.parametrize("what", ["ping", "pone", "file"])
def test_what_the_host_has_no_word_for_is_an_exception(host, what):
    with open_(host) as client:
        client.send(what)
        assert client.recv(PATIENCE).startswith("WebsocketException: ASGI servers send ")


def test_pings_are_answered_by_the_host(host):
    with open_(host) as client:
        assert client.ping(b"hello").wait(PATIENCE)


def test_other_threads_send_and_close(host):
    with open_(host) as client:
        client.send("thread")
        assert client.recv(PATIENCE) == "from a thread"
        client.send("thread closes")
        with pytest.raises(ConnectionClosed):
            client.recv(PATIENCE)
        assert client.close_reason == "elsewhere"


def test_what_a_coroutine_sends_does_not_wait_for_its_end(host, folder):
    gate = f"{host.name}.gate"
    with open_(host, f"/ws/x?gate={gate}") as client:
        client.send("wait")
        assert client.recv(PATIENCE) == "waiting"
        (folder / gate).touch()
        assert client.recv(PATIENCE) == "waited"


def test_functions_handle_connections(host):
    with open_(host, "/functions") as client:
        client.send("quiet")
        assert client.recv(PATIENCE) == "QUIET"


def test_chunks_are_ignored_with_a_warning(host):
    with open_(host) as client:
        client.send("chunks")
        assert client.recv(PATIENCE) == "ws/blue: chunks"
    end = time.monotonic() + PATIENCE
    while "chunk_size is ignored" not in host.log():  # a thread of its own writes it
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_connections(host):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(open_(host)) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(str(number))
        for number, client in enumerate(clients):
            assert client.recv(PATIENCE) == f"ws/blue: {number}"


def test_the_host_has_no_complaint(host):
    log = host.log()
    assert "never awaited" not in log
    assert "never retrieved" not in log
    assert "was destroyed but it is pending" not in log


class Connected:
    """A connection of an application of one handler, made as a server would."""

    def __init__(self, handler, endpoint="/ws", options=None, **scope):
        conf = AppConf()
        conf.websocket_handler(endpoint=endpoint)(handler)
        self.proxy = init_asgi_proxy(app_conf=conf, **(options or {}))
        self.scope = {"type": "websocket", "path": "/ws", "query_string": b"", "headers": [], **scope}
        self.incoming = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.sent = []
        self.task = asyncio.ensure_future(self.proxy.app_proxy(self.scope, self.incoming.get, self.send))

    async def send(self, message):
        self.sent.append(message)

    async def end(self):
        await asyncio.wait_for(self.task, PATIENCE)
        return self.sent


def test_accept_follows_connect_and_a_host_without_words_gets_the_code():
    async def run(**scope):
        class Refusing:
            def on_handshake(self, request):
                return 401, {"X-Why": "x"}

            def on_close(self, session, reason):
                raise AssertionError("it was never open")

        return await Connected(Refusing, **scope).end()

    refused = asyncio.run(run())
    assert refused == [{"type": "websocket.close", "code": 401, "reason": "Handshake error!"}]
    start, body = asyncio.run(run(extensions={"websocket.http.response": {}}))
    assert start["status"] == 401
    assert (b"x-why", b"x") in start["headers"]
    assert body["body"] == b""


def test_the_request_of_a_connection():
    async def run():
        seen = []

        class Seeing:
            def on_handshake(self, request):
                seen.append(
                    (request.path, request.path_values, request.get_parameter("a"), request.query_string)
                )
                seen.append((request.headers["x-names"], request.cookies["c"].value))
                return 403

        headers = [(b"x-names", b"1"), (b"x-names", b"2"), (b"cookie", b"c=d")]
        await Connected(Seeing, "/ws/{name}", path="/ws/中", query_string=b"a=1+2", headers=headers).end()
        return seen

    assert asyncio.run(run()) == [("ws/中", {"name": "中"}, "1+2", "a=1+2"), ("1, 2", "d")]


def test_a_handshake_answer_that_cannot_be_sent_is_a_500():
    async def run(answer):
        class Wrong:
            def on_handshake(self, request):
                return answer

        return await Connected(Wrong).end()

    for answer in ({"X": "a\r\nb: c"}, {"X": "中"}, 42, 99_999):
        assert asyncio.run(run(answer))[0]["code"] == 500


@pytest.mark.parametrize(("expose_errors", "reason"), [(True, "on_message. secret"), (False, "on_message.")])
def test_the_text_of_an_exception_can_be_hidden(expose_errors, reason):
    async def run():
        class Failing:
            def on_text_message(self, session, message):
                raise ValueError("secret")

        connected = Connected(Failing, options={"expose_errors": expose_errors})
        connected.incoming.put_nowait({"type": "websocket.receive", "text": "x"})
        return await connected.end()

    closed = {"type": "websocket.close", "code": 1011, "reason": f"Error occurs when {reason}"}
    assert asyncio.run(run())[-1] == closed


@pytest.mark.parametrize(
    ("origins", "origin", "answer"),
    [
        (None, "https://elsewhere.example", "websocket.accept"),
        (["https://app.example"], "https://elsewhere.example", 403),
        (["https://app.example"], "https://app.example", "websocket.accept"),
        (["https://app.example"], "http://here.example", "websocket.accept"),
        (["https://app.example"], None, "websocket.accept"),
    ],
)
def test_pages_of_all_origins_are_let_in_unless_some_are_named(origins, origin, answer):
    async def run():
        headers = [(b"host", b"here.example")]
        if origin:
            headers.append((b"origin", origin.encode()))
        connected = Connected(WebsocketHandler, options={"websocket_origins": origins}, headers=headers)
        connected.incoming.put_nowait({"type": "websocket.disconnect"})
        return (await connected.end())[0]

    first = asyncio.run(run())
    assert answer in (first["type"], first.get("code"))


def test_a_session_of_a_host_that_has_gone_refuses_to_send():
    async def run():
        kept = []

        class Keeping(WebsocketHandler):
            def on_open(self, session):
                kept.append(session)

            def on_close(self, session, reason):
                kept.append((reason, reason.code, reason.reason, session.is_closed))

        connected = Connected(Keeping)
        connected.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001, "reason": "away"})
        await connected.end()
        session, closed = kept
        assert closed == ("Client asked to close connection.", 1001, "away", True)
        with pytest.raises(Exception, match="is closed"):
            session.send_text("x")
        session.close()

    asyncio.run(run())


def test_a_host_that_cancels_ends_the_conversation_once():
    async def run():
        reasons = []

        class Waiting:
            async def on_text_message(self, session, message):
                begun.set()
                await asyncio.sleep(PATIENCE)

            async def on_close(self, session, reason):
                await asyncio.sleep(0)
                reasons.append(reason)

        begun = asyncio.Event()
        connected = Connected(Waiting)
        connected.incoming.put_nowait({"type": "websocket.receive", "text": "x"})
        await begun.wait()
        connected.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connected.task
        return reasons

    assert asyncio.run(run()) == ["Errors occur when handling message!"]


def test_a_slow_host_keeps_threads_waiting_and_the_loop_informed():
    async def run():
        sessions = []

        class Opened:
            def on_open(self, session):
                sessions.append(session)

            def on_text_message(self, session, message):
                for _ in range(40):
                    session.send_binary(b"x" * 1_000_000)

        connected = Connected(Opened)
        room = asyncio.Event()

        async def send(message):
            if message["type"] != "websocket.accept":
                await room.wait()
            connected.sent.append(message)

        connected.send = send
        connected.task.cancel()
        connected.task = asyncio.ensure_future(
            connected.proxy.app_proxy(connected.scope, connected.incoming.get, send)
        )
        connected.incoming.put_nowait({"type": "websocket.connect"})
        while not sessions:
            await asyncio.sleep(0)

        def send_much():
            for _ in range(40):
                sessions[0].send_binary(b"x" * 1_000_000)

        thread = threading.Thread(target=send_much)
        thread.start()
        waiting = asyncio.get_running_loop().create_task(asyncio.sleep(0.1))
        await waiting
        assert thread.is_alive()
        room.set()
        while thread.is_alive():
            await asyncio.sleep(0.001)
        room.clear()
        connected.incoming.put_nowait({"type": "websocket.receive", "text": "much"})
        while not sessions[0].is_closed:
            await asyncio.sleep(0)
        room.set()
        sent = await connected.end()
        assert sent[-1]["type"] == "websocket.close"
        assert "too slowly" in sent[-1]["reason"]

    asyncio.run(run())
