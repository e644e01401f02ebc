"""What is sent: messages, fragments, files, control frames, from wherever."""

import asyncio
import os
import threading

import pytest
from raw_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, wait_until

from simple_http_server import WEBSOCKET_OPCODE_BINARY, WEBSOCKET_OPCODE_PING, WebsocketHandler
from simple_http_server.websocket_request_handler import WebsocketException


@pytest.fixture
def on_text(conf, serve, connect):
    """A client whose messages are given to this function, which answers them."""

    def with_function(function, **options):
        conf.websocket_message("/w")(function)
        client = connect(serve(**options), "/w")
        client.send(TEXT, b"go")
        return client

    return with_function


def test_messages_are_texts_unless_it_is_said_otherwise(on_text):
    def send(session, message):
        session.send("té")
        session.send(b"bytes")
        session.send(b"\xff", opcode=WEBSOCKET_OPCODE_BINARY)
        session.send("p", opcode=WEBSOCKET_OPCODE_PING)
        session.send_text("")
        session.send_text(b"bytes")
        session.send_binary(b"")
        session.send_binary(bytearray(b"array"))
        session.send_ping()
        session.send_pone("po")
        session.send_pong(b"")

    client = on_text(send)
    assert [client.receive() for _ in range(11)] == [
        (True, TEXT, "té".encode()),
        (True, TEXT, b"bytes"),
        (True, BINARY, b"\xff"),
        (True, PING, b"p"),
        (True, TEXT, b""),
        (True, TEXT, b"bytes"),
        (True, BINARY, b""),
        (True, BINARY, b"array"),
        (True, PING, b""),
        (True, PONG, b"po"),
        (True, PONG, b""),
    ]


def test_messages_may_be_cut_into_chunks(on_text):
    def send(session, message):
        session.send("grö", chunk_size=3)
        session.send_text("abc", 3)
        session.send_binary(b"abcd", 3)
        session.send_binary(b"ab", -1)
        session.send_binary(b"ab", None)

    client = on_text(send)
    assert [client.receive() for _ in range(7)] == [
        (False, TEXT, "grö".encode()[:3]),
        (True, CONTINUATION, "grö".encode()[3:]),
        (True, TEXT, b"abc"),
        (False, BINARY, b"abc"),
        (True, CONTINUATION, b"d"),
        (True, BINARY, b"ab"),
        (True, BINARY, b"ab"),
    ]


def test_what_cannot_be_sent_is_an_exception(on_text, tmp_path):
    def send(session, message):
        missing = str(tmp_path / "missing")
        for attempt, text in [
            (lambda: session.send(1), "A message is str or bytes, not int."),
            (lambda: session.send("x", opcode=8), "The opcode 8 is none of a message, a ping or a pong."),
            (lambda: session.send_binary("x"), "A binary message is bytes, not str."),
            (lambda: session.send_ping(b"x" * 126), "A ping or pong may have 125 bytes, this one has 126."),
            (lambda: session.send_file(missing), f"File in {missing} does not exist or is not accessible."),
            (
                lambda: session.send_file(str(tmp_path)),
                f"File in {tmp_path} does not exist or is not accessible.",
            ),
        ]:
            with pytest.raises(WebsocketException) as raised:
                attempt()
            assert raised.value.reason == text
            assert not raised.value.is_graceful
        with pytest.raises(WebsocketException):
            session.send(b"\xff")
        session.send_text(1)
        session.send("done")

    client = on_text(send)
    assert client.receive() == (True, TEXT, b"done")


@pytest.mark.parametrize("size", [0, 5, 300_000, 3_000_000])
def test_files_are_binary_messages(on_text, tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))

    def send(session, message):
        session.send_file(str(path))
        session.send("after")
        session.send_file(str(path), chunk_size=200_000)
        session.send("after that")

    client = on_text(send)
    content = path.read_bytes()
    assert client.receive() == (True, BINARY, content)
    assert client.receive() == (True, TEXT, b"after")
    received, fin, opcodes = b"", False, []
    while not fin:
        fin, opcode, payload = client.receive()
        received += payload
        opcodes.append(opcode)
    assert received == content
    chunks = max(-(-size // 200_000), 1)
    assert opcodes == [BINARY, *[CONTINUATION] * (chunks - 1)]
    assert client.receive() == (True, TEXT, b"after that")


def test_closing_has_a_code_and_a_reason(on_text, conf, seen):
    conf.websocket_close("/w")(lambda session, reason: seen(reason, reason.code))

    def send(session, message):
        session.send("last")
        session.close("r" * 200)
        session.close("again")
        assert session.is_closed
        with pytest.raises(WebsocketException) as raised:
            session.send("too late")
        assert raised.value.is_graceful

    client = on_text(send)
    client.send(TEXT, b"not told")
    assert client.receive() == (True, TEXT, b"last")
    assert client.receive() == (True, CLOSE, close_payload(1000, "r" * 123))
    client.close()
    assert seen.next() == ("Server asked to close connection.", None)


def test_a_handler_that_sends_to_a_client_that_has_gone_is_no_failure(conf, serve, connect, seen, logged):
    @conf.websocket_handler("/w")
    class Handler(WebsocketHandler):
        def on_text_message(self, session, message):
            wait_until(lambda: session.is_closed)
            seen("closed")
            session.send("nobody hears this")

        def on_close(self, session, reason):
            seen(reason)

    client = connect(serve(), "/w")
    client.send(TEXT, b"x")
    client.reset()
    assert seen.next() == "closed"
    assert seen.next() == "Client closed connection."
    assert not [line for line in logged() if "failed" in line]


def test_other_threads_may_send_and_close(conf, serve, connect, seen):
    conf.websocket_open("/w")(seen)
    client = connect(serve(), "/w")
    session = seen.next()

    def send(number):
        for message in range(100):
            session.send_text(f"{number} {message} " + "x" * 50, chunk_size=20)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    received = {number: [] for number in range(4)}
    for _ in range(400):
        text, fin = b"", False
        while not fin:
            fin, _, payload = client.receive()
            text += payload
        number, message, _ = text.split(b" ")
        received[int(number)].append(int(message))
    assert all(messages == list(range(100)) for messages in received.values())
    for thread in threads:
        thread.join()
    session.close("from elsewhere")
    assert client.receive() == (True, CLOSE, close_payload(1000, "from elsewhere"))


@pytest.mark.parametrize("mode", ["coroutines"])  # in a thread the event loop ends with the event
def test_tasks_may_send(conf, serve, connect):
    tasks = []

    @conf.websocket_open("/w")
    async def opened(session):
        async def tick():
            for number in range(3):
                await asyncio.sleep(0)
                session.send(str(number))

        tasks.append(asyncio.ensure_future(tick()))

    client = connect(serve(), "/w")
    assert [client.receive()[2] for _ in range(3)] == [b"0", b"1", b"2"]


def test_a_thread_waits_for_a_client_that_reads_slowly_and_an_event_loop_does_not(
    conf, serve, connect, seen, mode
):
    message = bytes(100_000)

    @conf.websocket_message("/w")
    async def flood(session, _):
        for number in range(1000):
            try:
                session.send_binary(message)
            except WebsocketException as error:
                seen(number, error.reason)
                return
        seen("all sent")

    client = connect(serve(), "/w")
    client.send(TEXT, b"x")
    if mode == "coroutines":
        number, reason = seen.next()
        assert number > 160
        assert reason == "the client leaves too much unread"
        assert client.receive() == (True, BINARY, message)
    else:
        for _ in range(1000):
            assert client.receive() == (True, BINARY, message)
        assert seen.next() == "all sent"


@pytest.mark.parametrize("mode", ["coroutines"])  # elsewhere there is no event loop to keep free
def test_in_an_event_loop_a_thread_may_wait_on_behalf_of_a_coroutine(conf, serve, connect):
    message = bytes(100_000)

    @conf.websocket_message("/w")
    async def flood(session, _):
        for _ in range(1000):
            await asyncio.get_running_loop().run_in_executor(None, session.send_binary, message)

    client = connect(serve(), "/w")
    client.send(TEXT, b"x")
    for _ in range(1000):
        assert client.receive() == (True, BINARY, message)
