"""Whatever an event raises, the client is told its text and the log has its traceback."""

import asyncio
import logging
from traceback import walk_tb

import pytest
from raw_client import CLOSE, TEXT, close_payload


class Odd(BaseException):
    """An exception that is no ``Exception``."""


class Unprintable(Exception):
    """Whose text is not to be had."""

    def __str__(self):
        raise Odd

    __repr__ = __str__


EXCEPTIONS = [
    (lambda: ValueError("a text"), "a text"),
    (lambda: SystemExit("a text"), "a text"),
    (lambda: SystemExit(3), "3"),
    (lambda: KeyboardInterrupt("a text"), "a text"),
    (lambda: GeneratorExit("a text"), "a text"),
    (lambda: Unprintable(), "Unprintable"),
    (lambda: Exception("half a character: \ud800"), "half a character: ?"),
]


@pytest.mark.parametrize("kind", ["def", "async", "later"])
@pytest.mark.parametrize(("make", "text"), EXCEPTIONS)
def test_the_client_has_the_text_and_the_log_the_traceback(conf, serve, connect, records, kind, make, text):
    error = make()
    if kind == "def":

        @conf.websocket_message("/w")
        def fails(session, message):
            raise error

    else:

        @conf.websocket_message("/w")
        async def fails(session, message):
            if kind == "later":
                await asyncio.sleep(0)
            raise error

    client = connect(serve(), "/w")
    client.send(TEXT, b"x")
    expected = f"Error occurs when on_message. {text}"
    assert client.receive() == (True, CLOSE, close_payload(1011, expected))
    (record,) = [record for record in records() if record.levelno >= logging.ERROR]
    assert record.getMessage().endswith(f"failed: {text}")
    raised, _, traceback = record.exc_info
    assert raised is type(error)
    assert "fails" in [frame.f_code.co_name for frame, _ in walk_tb(traceback)]
