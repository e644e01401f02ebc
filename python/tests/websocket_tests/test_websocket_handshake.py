"""Who is let in, and what refused clients are told."""

import pytest
from raw_client import TEXT

from simple_http_server import Headers, WebsocketHandler


@pytest.mark.parametrize(
    ("answer", "status", "fields"),
    [
        (None, 101, {}),
        (0, 101, {}),
        (101, 101, {}),
        ("anything else", 101, {}),
        ({"X-A": 1, "X-B": ["1", b"2"]}, 101, {"X-A": "1", "X-B": "2"}),
        (Headers({"X-A": "a"}), 101, {"X-A": "a"}),
        ((0, {"X-A": "a"}, {"X-B": "b"}), 101, {"X-A": "a", "X-B": "b"}),
        ((None, 101), 101, {}),
        (403, 403, {}),
        ((0, 401, 402, {"WWW-Authenticate": "Basic"}), 401, {"Www-Authenticate": "Basic"}),
        (7, 500, {}),
        (100_000, 500, {}),
        (-1, 500, {}),
    ],
    ids=repr,
)
def test_on_handshake_decides(conf, serve, connect, answer, status, fields):
    conf.websocket_handshake("/w")(lambda request: answer)
    client = connect(serve(), "/w")
    assert client.status == status
    assert fields.items() <= client.fields.items()
    if status != 101:
        assert client.has_ended()


def test_an_accepting_answer_has_the_fields_of_the_protocol_alone(conf, serve, connect):
    conf.websocket_handshake("/w")(lambda request: (0, {"X-A": "a"}))
    client = connect(serve(), "/w")
    assert client.status_line == "HTTP/1.1 101 Switching Protocols"
    assert client.fields == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "X-A": "a",
    }


def test_a_refusing_answer_has_the_fields_of_the_handler_alone(conf, serve, connect):
    conf.websocket_handshake("/w")(lambda request: (403, {"X-Why": "closed"}))
    client = connect(serve(), "/w")
    assert client.status_line == "HTTP/1.1 403 Forbidden"
    assert client.fields == {"X-Why": "closed"}
    assert client.has_ended()


def test_a_handshake_that_raises_is_a_500_and_is_logged(conf, serve, connect, logged):
    @conf.websocket_handshake("/w")
    async def handshake(request):
        raise ValueError("not today")

    client = connect(serve(), "/w")
    assert client.status_line == "HTTP/1.1 500 Internal Server Error"
    assert client.fields == {}
    assert client.has_ended()
    (line,) = [line for line in logged() if "not today" in line]
    assert "on_handshake" in line


def test_a_path_without_a_handler_is_not_found_whatever_controllers_there_are(conf, serve, connect):
    conf.route("/http")(lambda: "http")
    conf.websocket_message("/w")(lambda session, message: None)
    port = serve()
    for path in ("/http", "/nowhere"):
        client = connect(port, path)
        assert client.status_line == "HTTP/1.1 404 Not Found"
        assert client.fields == {}
        assert client.has_ended()


def test_a_path_may_have_a_controller_and_a_handler(conf, serve, connect):
    conf.route("/w")(lambda: "http")
    conf.websocket_message("/w")(lambda session, message: session.send(message))
    port = serve()
    client = connect(port, "/w")
    client.send(TEXT, b"x")
    assert client.receive() == (True, TEXT, b"x")


def test_endpoints_are_found_in_the_order_of_their_kinds_and_of_declaration(conf, serve, connect):
    def named(name):
        return lambda request: {"X-Handler": name}

    conf.websocket_handshake(regexp="^/?p/.*$")(named("regexp"))
    conf.websocket_handshake("/p/{x}")(named("variable"))
    conf.websocket_handshake("/p/a*")(named("wildcard"))
    conf.websocket_handshake("/p/abc")(named("exact"))
    port = serve()
    assert connect(port, "/p/abc").fields["X-Handler"] == "exact"
    assert connect(port, "/p/abd").fields["X-Handler"] == "variable"
    assert connect(port, "/p/a/b").fields["X-Handler"] == "regexp"


@pytest.mark.parametrize(
    ("options", "status"),
    [({"version": "8"}, 426), ({"version": None}, 426), ({"key": None}, 400), ({"key": "short"}, 400)],
)
def test_what_is_no_handshake_is_refused(conf, serve, connect, options, status):
    conf.websocket_message("/w")(lambda session, message: None)
    client = connect(serve(), "/w", **options)
    assert client.status == status
    assert client.fields["Sec-Websocket-Version" if status == 426 else "Content-Type"]


def test_a_subprotocol_is_told_to_clients_that_offer_it(conf, serve, connect, logged):
    conf.websocket_handshake("/w")(lambda request: {"Sec-WebSocket-Protocol": "chat"})
    port = serve()
    offering = connect(port, "/w", "Sec-WebSocket-Protocol: other, chat")
    assert (offering.status, offering.fields["Sec-WebSocket-Protocol"]) == (101, "chat")
    other = connect(port, "/w", "Sec-WebSocket-Protocol: other")
    assert (other.status, other.fields.get("Sec-WebSocket-Protocol")) == (101, None)


def test_a_refused_client_is_seen_off_without_a_reason(conf, serve, connect, seen):
    @conf.websocket_handler("/w", singleton=False)
    class Handler(WebsocketHandler):
        def on_handshake(self, request):
            request.mark = "the same"
            self.mark = "this one"
            if request.get_parameter("raise"):
                raise ValueError("no")
            return 403

        def on_close(self, session, reason):
            seen(reason, session.is_closed, session.request.mark, self.mark, len(session.id))

    port = serve()
    assert connect(port, "/w").status == 403
    assert seen.next() == (None, True, "the same", "this one", 32)
    assert connect(port, "/w?raise=1").status == 500
    assert seen.next() == (None, True, "the same", "this one", 32)


def test_pages_of_all_origins_are_let_in_unless_some_are_named(conf, serve, connect):
    conf.websocket_message("/w")(lambda session, message: None)
    port = serve()
    assert connect(port, "/w", "Origin: https://elsewhere.example").status == 101
    named = serve(websocket_origins=["https://app.example"])
    assert connect(named, "/w", "Origin: https://app.example").status == 101
    assert connect(named, "/w", "Origin: http://example.org").status == 101
    assert connect(named, "/w").status == 101
    assert connect(named, "/w", "Origin: https://elsewhere.example").status == 403
