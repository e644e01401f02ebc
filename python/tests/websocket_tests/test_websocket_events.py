"""What handlers are told, in which order, and what becomes of those that fail."""

import asyncio
import threading

from raw_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, wait_until

from simple_http_server import (
    WEBSOCKET_MESSAGE_BINARY,
    WEBSOCKET_MESSAGE_BINARY_FRAME,
    WEBSOCKET_MESSAGE_PING,
    WEBSOCKET_MESSAGE_PONG,
    WebsocketCloseReason,
    WebsocketHandler,
)


def test_a_class_is_told_everything_in_order(conf, serve, connect, seen):
    @conf.websocket_handler("/w/{name}")
    class Handler(WebsocketHandler):
        def on_handshake(self, request):
            seen("handshake", request.path, request.path_values, request.get_parameter("a"))

        def on_open(self, session):
            seen("open", len(session.id), int(session.id, 16) > 0, session.is_closed)

        def on_text_message(self, session, message):
            seen("text", message, type(message))

        def on_binary_message(self, session, message):
            seen("binary", message, type(message))

        def on_ping_message(self, session, message):
            seen("ping", message)

        def on_pong_message(self, session, message):
            seen("pong", message)

        def on_close(self, session, reason):
            seen("close", reason, reason.code, reason.reason, session.is_closed)

    client = connect(serve(), "/w/caf%C3%A9?a=1")
    for opcode, payload in [
        (TEXT, "grüße".encode()),
        (TEXT, b""),
        (BINARY, b"\x00\xff"),
        (BINARY, b""),
        (PING, b"pi"),
        (PONG, b""),
        (CLOSE, close_payload(4001, "enough")),
    ]:
        client.send(opcode, payload)
    assert seen.next() == ("handshake", "w/café", {"name": "café"}, "1")
    assert seen.next() == ("open", 32, True, False)
    assert seen.next() == ("text", "grüße", str)
    assert seen.next() == ("text", "", str)
    assert seen.next() == ("binary", b"\x00\xff", bytes)
    assert seen.next() == ("binary", b"", bytes)
    assert seen.next() == ("ping", b"pi")
    assert seen.next() == ("pong", b"")
    assert client.receive() == (True, CLOSE, close_payload(4001))
    assert client.has_ended()
    client.close()
    assert seen.next() == ("close", "Client asked to close connection.", 4001, "enough", True)
    assert seen.is_empty()


def test_functions_are_told_what_they_are_for(conf, serve, connect, seen):
    conf.websocket_handshake("/w")(lambda request: seen("handshake"))
    conf.websocket_open("/w")(lambda session: seen("open"))
    conf.websocket_close("/w")(lambda session, reason: seen("close", type(reason)))
    conf.websocket_message("/w")(lambda session, message: seen("text", message))
    conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_BINARY)(lambda _, message: seen(message))
    conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_PING)(lambda _, message: seen("ping"))
    conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_PONG)(lambda _, message: seen("pong"))

    @conf.websocket_message("/w", message_type=WEBSOCKET_MESSAGE_BINARY_FRAME)
    async def binary_frame(session, fin, payload):
        seen("frame", fin, payload)
        return True

    client = connect(serve(), "/w")
    client.send(TEXT, b"a")
    client.send(PING)
    client.send(PONG)
    client.send(BINARY, b"b", fin=False)
    client.send(CONTINUATION, b"c")
    client.send(CLOSE)
    assert client.receive() == (True, CLOSE, b"")
    client.close()
    told = [seen.next() for _ in range(9)]
    assert told == [
        "handshake",
        "open",
        ("text", "a"),
        "ping",
        "pong",
        ("frame", False, b"b"),
        ("frame", True, b"c"),
        b"bc",
        ("close", WebsocketCloseReason),
    ]


def test_events_may_be_coroutines(conf, serve, connect, seen):
    @conf.websocket_handler("/w")
    class Handler:
        async def on_handshake(self, request):
            await asyncio.sleep(0)
            return {"X-Async": "yes"}

        async def on_open(self, session):
            await asyncio.sleep(0.001)
            session.send("opened")

        async def on_text_message(self, session, message):
            await asyncio.sleep(0.02 if message == "1" else 0)
            session.send(message)

        async def on_close(self, session, reason):
            await asyncio.sleep(0)
            seen(reason)

    client = connect(serve(), "/w")
    assert client.fields["X-Async"] == "yes"
    client.send(TEXT, b"1")
    client.send(TEXT, b"2")
    # one at a time: the second waits for the first
    assert [client.receive()[2] for _ in range(3)] == [b"opened", b"1", b"2"]
    client.send(CLOSE)
    client.close()
    assert seen.next() == "Client asked to close connection."


def test_what_can_be_awaited_is_awaited(conf, serve, connect):
    class Later:
        def __init__(self, session):
            self.session = session

        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            self.session.send("awaited")

    conf.websocket_message("/w")(lambda session, message: Later(session))
    client = connect(serve(), "/w")
    client.send(TEXT, b"x")
    assert client.receive() == (True, TEXT, b"awaited")


def test_pings_are_answered_where_no_event_is_for_them(conf, serve, connect):
    @conf.websocket_handler("/class")
    class Derived(WebsocketHandler):
        pass

    @conf.websocket_handler("/plain")
    class Plain:
        pass

    conf.websocket_message("/function")(lambda session, message: None)
    port = serve()
    for path in ("/class", "/plain", "/function"):
        client = connect(port, path)
        client.send(PING, b"payload")
        assert client.receive() == (True, PONG, b"payload")
        client.send(PING)
        assert client.receive() == (True, PONG, b"")


def test_a_singleton_is_made_once_and_others_for_each_connection(conf, serve, connect, seen):
    @conf.websocket_handler("/one")
    class One:
        def __init__(self):
            seen("made one")

        def on_text_message(self, session, message):
            session.send(str(id(self)))

    @conf.websocket_handler("/each", singleton=False)
    class Each:
        def __init__(self):
            seen("made each")
            self.count = 0

        def on_text_message(self, session, message):
            self.count += 1
            session.send(str(self.count))

    port = serve()
    assert seen.is_empty()

    def ask(client):
        client.send(TEXT, b"?")
        return client.receive()[2]

    one, another = connect(port, "/one"), connect(port, "/one")
    assert ask(one) == ask(another)
    assert seen.next() == "made one"
    first, second = connect(port, "/each"), connect(port, "/each")
    assert [ask(first), ask(first), ask(second)] == [b"1", b"2", b"1"]
    assert [seen.next(), seen.next()] == ["made each", "made each"]
    assert seen.is_empty()


def test_the_request_of_the_handshake_is_that_of_the_session(conf, serve, connect, seen):
    @conf.websocket_handler("/w")
    class Handler:
        def on_handshake(self, request):
            request.user = "somebody"

        def on_open(self, session):
            seen(session.request.user, session.request.headers["x-some-field"])

    connect(serve(), "/w", "X-Some-Field: value")
    assert seen.next() == ("somebody", "value")


def test_the_request_has_what_was_asked_for(conf, serve, connect, seen):
    @conf.websocket_handler(regexp="^/w/([a-z]+)(x)?$")
    class Handler:
        def on_open(self, session):
            request = session.request
            seen(
                request.path,
                request.query_string,
                request.parameters,
                request.reg_groups,
                request.cookies["c"].value,
                request.headers.get("HOST"),
                session.id == session.id,
            )

    connect(serve(), "/w/abc?a=1&a=2&b=%20", "Cookie: c=d")
    assert seen.next() == (
        "w/abc",
        "a=1&a=2&b=%20",
        {"a": ["1", "2"], "b": [" "]},
        ("abc", None),
        "d",
        "example.org",
        True,
    )


def test_an_event_that_raises_closes_the_connection_and_is_logged_once(conf, serve, connect, seen, logged):
    @conf.websocket_handler("/w")
    class Handler:
        def on_text_message(self, session, message):
            raise ValueError("something is wrong")

        def on_close(self, session, reason):
            seen(reason, reason.code)

    client = connect(serve(), "/w")
    client.send(TEXT, b"x")
    text = "Error occurs when on_message. something is wrong"
    assert client.receive() == (True, CLOSE, close_payload(1011, text))
    client.close()
    assert seen.next() == ("Server asked to close connection.", None)
    (line,) = [line for line in logged() if "something is wrong" in line]
    assert "on_text_message" in line
    assert "Handler" in line
    assert "test_websocket_events.py" in line


def test_an_event_that_fails_in_on_open_says_so(conf, serve, connect):
    @conf.websocket_handler("/w")
    class Handler:
        async def on_open(self, session):
            raise KeyError("k")

        def on_text_message(self, session, message):
            raise AssertionError("not told any more")

    client = connect(serve(), "/w")
    client.send(TEXT, b"x")
    assert client.receive() == (True, CLOSE, close_payload(1011, "Error occurs when on_open. 'k'"))


def test_what_went_wrong_is_not_told_where_errors_are_not_exposed(conf, serve, connect):
    @conf.websocket_message("/w")
    def fail(session, message):
        raise ValueError("a secret")

    client = connect(serve(expose_errors=False), "/w")
    client.send(TEXT, b"x")
    assert client.receive() == (True, CLOSE, close_payload(1011, "Error occurs when on_message."))


def test_an_event_may_raise_what_is_no_exception(conf, serve, connect, logged):
    class Odd(BaseException):
        pass

    @conf.websocket_message("/w")
    def fail(session, message):
        raise Odd("odd")

    port = serve()
    client = connect(port, "/w")
    client.send(TEXT, b"x")
    assert client.receive() == (True, CLOSE, close_payload(1011, "Error occurs when on_message. odd"))
    # the server goes on
    client = connect(port, "/w")
    client.send(PING)
    assert client.receive() == (True, PONG, b"")


def test_on_close_that_raises_is_logged(conf, serve, connect, seen, logged):
    @conf.websocket_close("/w")
    def closed(session, reason):
        seen("told")
        raise ValueError("at the end")

    port = serve()
    client = connect(port, "/w")
    client.send(CLOSE, close_payload(1000))
    assert client.receive() == (True, CLOSE, close_payload(1000))
    client.close()
    assert seen.next() == "told"
    wait_until(lambda: any("at the end" in line for line in logged()))


def test_a_handler_that_cannot_be_made_closes_the_connection(conf, serve, connect, logged):
    @conf.websocket_handler("/w")
    class Handler:
        def __init__(self):
            raise ValueError("no handler")

        def on_text_message(self, session, message):
            pass

    client = connect(serve(), "/w")
    assert client.receive() == (True, CLOSE, close_payload(1011, "Error occurs when on_open. no handler"))


def test_a_client_that_vanishes_is_told_of(conf, serve, connect, seen):
    conf.websocket_close("/w")(lambda session, reason: seen(reason, reason.code, reason.reason))
    port = serve()
    connect(port, "/w").close()
    assert seen.next() == ("Client closed connection.", None, "")
    connect(port, "/w").reset()
    assert seen.next() == ("Client closed connection.", None, "")


def test_an_event_that_blocks_keeps_no_other_connection_waiting(conf, serve, connect, mode):
    gate = threading.Event()

    @conf.websocket_message("/w")
    async def wait(session, message):
        if message == "wait" and mode == "threads":
            assert gate.wait(60)
        elif message == "wait":
            while not gate.is_set():
                await asyncio.sleep(0.005)
        session.send(message)

    port = serve()
    waiting, other = connect(port, "/w"), connect(port, "/w")
    waiting.send(TEXT, b"wait")
    other.send(TEXT, b"other")
    assert other.receive() == (True, TEXT, b"other")
    gate.set()
    assert waiting.receive() == (True, TEXT, b"wait")


def test_a_handler_that_a_function_makes_is_asked_for_its_events(serve, connect, conf, seen):
    from simple_http_server.app_conf import WebsocketHandlerClass

    class Partial:
        def on_text_message(self, session, message):
            session.send(message)

    conf._websocket_handlers["/w:::"] = WebsocketHandlerClass("/w", lambda: Partial())
    client = connect(serve(), "/w")
    client.send(PING, b"p")
    client.send(BINARY, b"b")
    client.send(TEXT, b"t")
    assert client.receive() == (True, PONG, b"p")
    assert client.receive() == (True, TEXT, b"t")
    client.send(CLOSE)
    assert client.receive() == (True, CLOSE, b"")
