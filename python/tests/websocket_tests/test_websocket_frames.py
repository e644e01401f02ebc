"""Frames as clients send them: fragments, what breaks the protocol, what is too large."""

import pytest
from raw_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame

from simple_http_server import WebsocketHandler


@pytest.fixture
def echo(conf):
    @conf.websocket_handler("/w")
    class Echo(WebsocketHandler):
        def on_text_message(self, session, message):
            session.send(message)

        def on_binary_message(self, session, message):
            session.send_binary(message)


@pytest.mark.usefixtures("echo")
def test_messages_of_all_sizes_come_back(serve, connect):
    client = connect(serve(), "/w")
    for size in (0, 1, 125, 126, 65535, 65536, 300_000):
        client.send(BINARY, bytes(size))
        assert client.receive() == (True, BINARY, bytes(size))
        client.send(TEXT, b"x" * size)
        assert client.receive() == (True, TEXT, b"x" * size)


@pytest.mark.usefixtures("echo")
def test_a_frame_may_come_byte_by_byte(serve, connect):
    client = connect(serve(), "/w")
    for byte in frame(TEXT, "größer".encode(), mask=bytes(4)):
        client.send_bytes(bytes([byte]))
    assert client.receive() == (True, TEXT, "größer".encode())


@pytest.mark.usefixtures("echo")
def test_fragments_are_put_together_with_control_frames_between_them(serve, connect):
    client = connect(serve(), "/w")
    client.send(TEXT, "gr\u00f6".encode()[:3], fin=False)
    client.send(PING, b"p")
    client.send(CONTINUATION, "gr\u00f6".encode()[3:], fin=False)
    client.send(CONTINUATION, b"", fin=True)
    assert client.receive() == (True, PONG, b"p")
    assert client.receive() == (True, TEXT, "grö".encode())
    client.send(BINARY, b"a", fin=False)
    client.send(CONTINUATION, b"b")
    assert client.receive() == (True, BINARY, b"ab")


@pytest.mark.parametrize("is_async", [False, True])
def test_frames_are_kept_or_consumed(conf, serve, connect, seen, is_async):
    answers = {b"kept": True, b"one": 1, b"none": None, b"false": False, b"text": "True", b"two": 2}

    @conf.websocket_handler("/w")
    class Handler:
        def on_binary_frame(self, session, fin, payload):
            seen(fin, payload)
            return later(answers[payload]) if is_async else answers[payload]

        def on_binary_message(self, session, message):
            seen("message", message)

    async def later(answer):
        return answer

    client = connect(serve(), "/w")
    client.send(BINARY, b"kept", fin=False)
    for payload in (b"none", b"one", b"false", b"text"):
        client.send(CONTINUATION, payload, fin=False)
    client.send(CONTINUATION, b"two")
    frames = [b"kept", b"none", b"one", b"false", b"text"]
    assert [seen.next() for _ in range(6)] == [*((False, payload) for payload in frames), (True, b"two")]
    assert seen.next() == ("message", b"keptone")
    # of one that is consumed as a whole there is no message, and an unfragmented one has no frames
    client.send(BINARY, b"none", fin=False)
    client.send(CONTINUATION, b"none")
    client.send(BINARY, b"unfragmented")
    assert [seen.next() for _ in range(3)] == [
        (False, b"none"),
        (True, b"none"),
        ("message", b"unfragmented"),
    ]


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),
        (frame(3, b""), 1002),
        (b"\xc1" + frame(TEXT, b"hi")[1:], 1002),
        (frame(PING, b"", fin=False), 1002),
        (frame(PING, bytes(126)), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
        (b"\x81\xfe\x00\x02" + bytes(4) + b"hi", 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, close_payload(1005)), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (b"\x81\xff" + (1 << 40).to_bytes(8, "big") + bytes(4), 1009),
    ],
    ids=[
        "unmasked",
        "unknown opcode",
        "reserved bit",
        "fragmented control frame",
        "long control frame",
        "continuation of nothing",
        "message within a message",
        "length in too many bytes",
        "half a close code",
        "close code that is for nobody to send",
        "no UTF-8",
        "too large",
    ],
)
def test_what_breaks_the_protocol_ends_the_connection(serve, connect, data, code):
    client = connect(serve(), "/w")
    client.send_bytes(data)
    fin, opcode, payload = client.receive()
    assert (fin, opcode, int.from_bytes(payload[:2], "big")) == (True, CLOSE, code)
    assert client.has_ended()


def test_limits_are_the_applications_to_choose(conf, serve, connect, seen):
    conf.websocket_message("/w")(lambda session, message: seen(len(message)))
    conf.websocket_close("/w")(lambda session, reason: seen(reason, reason.code))
    client = connect(serve(limits={"websocket_frame": 1000, "websocket_message": 1500}), "/w")
    client.send(TEXT, b"x" * 1000, fin=False)
    client.send(CONTINUATION, b"x" * 500)
    assert seen.next() == 1500
    client.send(TEXT, b"x" * 1001)
    assert client.receive()[2][:2] == close_payload(1009)
    client.close()
    assert seen.next() == ("frame is too large", None)


@pytest.mark.parametrize("reason", ["Client is not masked."])
def test_on_close_says_what_was_broken(conf, serve, connect, seen, reason):
    conf.websocket_close("/w")(lambda session, reason: seen(reason))
    client = connect(serve(), "/w")
    client.send_bytes(b"\x81\x02hi")
    assert client.receive()[1] == CLOSE
    client.close()
    assert seen.next() == reason
