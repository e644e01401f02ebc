"""What handlers of WebSocket connections get, whatever carries the connection: the engine's own server, or a host.

Who carries connections gives a :class:`Connection` to a :class:`LiveWebsocketSession`, what it knows of the request to
a :class:`LiveWebsocketRequest`, and asks :func:`handshake_answer` what a handler's ``on_handshake`` has said.
"""

import os
from types import TracebackType
from typing import Any, Dict, List, Optional, Protocol, Tuple, Union

from . import _signals
from ._event_loop import uncovered
from ._exception_text import exception_text
from ._live import _Lazy, _parse_cookies
from .logger import get_logger
from .models.fields import Headers
from .models.websocket import (
    WEBSOCKET_OPCODE_BINARY,
    WEBSOCKET_OPCODE_PING,
    WEBSOCKET_OPCODE_PONG,
    WEBSOCKET_OPCODE_TEXT,
    WebsocketRequest,
    WebsocketSession,
)
from .websocket_request_handler import WebsocketException

_logger = get_logger("simple_http_server.websocket_request_handler")

CLOSED = "The WebSocket connection is closed."

LONGEST_CONTROL = 125
"""How many bytes a ping or a pong may have (RFC 6455 section 5.5)."""


class Connection(Protocol):
    """What carries a conversation. Everything may be called from any thread.

    What can't be sent is a :class:`WebsocketException`. Types are as they are here, a ``chunk_size`` is never negative.
    """

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""

    def send_text(self, text: str, chunk_size: int) -> None: ...
    def send_binary(self, data: bytes, chunk_size: int) -> None: ...
    def send_file(self, path: str, chunk_size: int) -> None: ...
    def send_ping(self, payload: bytes) -> None: ...
    def send_pong(self, payload: bytes) -> None: ...
    def close(self, reason: str) -> None:
        """Closes with code 1000; nothing happens the second time."""


class RequestSource(Protocol):
    """What is known of the request that opens a connection."""

    @property
    def path(self) -> str:
        """Decoded, with the slash at its start."""

    @property
    def query_string(self) -> str: ...
    def headers(self) -> Headers: ...
    def path_values(self) -> Dict[str, str]: ...
    def reg_groups(self) -> Tuple[Any, ...]: ...
    def parameters(self) -> Dict[str, List[str]]: ...


class LiveWebsocketRequest(WebsocketRequest):
    """The request that opened a connection, or wants to; read when it is asked for."""

    def __init__(self, source: RequestSource) -> None:
        # not the base's: its attributes are read lazily
        self._source = source

    path = _Lazy(lambda request: request._source.path[1:])
    query_string = _Lazy(lambda request: request._source.query_string)
    headers = _Lazy(lambda request: request._source.headers())
    path_values = _Lazy(lambda request: request._source.path_values())
    reg_groups = _Lazy(lambda request: request._source.reg_groups())
    _cookies = _Lazy(lambda request: _parse_cookies(request.headers.get("Cookie", "")))
    _parameters = _Lazy(lambda request: request._source.parameters())
    _parameter = _Lazy(lambda request: {name: values[0] for name, values in request._parameters.items()})


class LiveWebsocketSession(WebsocketSession):
    """An open connection, or one that was open."""

    _id = ""

    def __init__(self, connection: Connection, request: WebsocketRequest) -> None:
        self._connection = connection
        self._request = request

    @property
    def id(self) -> str:
        if not self._id:
            # the first one counts, whichever thread made it
            self._id = self.__dict__.setdefault("_made_id", os.urandom(16).hex())
        return self._id

    @property
    def request(self) -> WebsocketRequest:
        return self._request

    @property
    def is_closed(self) -> bool:
        return self._connection.is_closed

    def send(self, message: Union[str, bytes], opcode: Optional[int] = None, chunk_size: int = 0) -> None:
        if not isinstance(message, (str, bytes, bytearray, memoryview)):
            raise WebsocketException(f"A message is str or bytes, not {type(message).__name__}.")
        if opcode is None or opcode == WEBSOCKET_OPCODE_TEXT:
            text = message if isinstance(message, str) else _text(message)
            self._connection.send_text(text, _chunk(chunk_size))
        elif opcode == WEBSOCKET_OPCODE_BINARY:
            self._connection.send_binary(_bytes(message), _chunk(chunk_size))
        elif opcode == WEBSOCKET_OPCODE_PING:
            self.send_ping(message)
        elif opcode == WEBSOCKET_OPCODE_PONG:
            self.send_pone(message)
        else:
            raise WebsocketException(f"The opcode {opcode!r} is none of a message, a ping or a pong.")

    def send_text(self, message: Union[str, bytes], chunk_size: int = 0) -> None:
        if not isinstance(message, str):
            if not isinstance(message, (bytes, bytearray, memoryview)):
                _logger.error(
                    "A text message is str or bytes, not %s: nothing is sent.", type(message).__name__
                )
                return
            message = _text(message)
        self._connection.send_text(message, _chunk(chunk_size))

    def send_binary(self, binary: bytes, chunk_size: int = 0) -> None:
        if type(binary) is not bytes:
            if not isinstance(binary, (bytes, bytearray, memoryview)):
                raise WebsocketException(f"A binary message is bytes, not {type(binary).__name__}.")
            binary = bytes(binary)
        self._connection.send_binary(binary, _chunk(chunk_size))

    def send_file(self, path: str, chunk_size: int = 0) -> None:
        self._connection.send_file(os.fspath(path), _chunk(chunk_size))

    def send_ping(self, message: Union[str, bytes] = b"") -> None:
        self._connection.send_ping(_control(message))

    def send_pone(self, message: Union[str, bytes] = b"") -> None:
        self._connection.send_pong(_control(message))

    def close(self, reason: str = "") -> None:
        self._connection.close(reason or "")


def _text(message: Any) -> str:
    try:
        return str(message, "utf-8")
    except UnicodeDecodeError as error:
        raise WebsocketException(f"A text message is UTF-8, these bytes are not: {error}") from None


def _bytes(message: Any) -> bytes:
    return message.encode() if isinstance(message, str) else bytes(message)


def _chunk(chunk_size: Optional[int]) -> int:
    return chunk_size if chunk_size and chunk_size > 0 else 0


def _control(message: Any) -> bytes:
    if not isinstance(message, (str, bytes, bytearray, memoryview)):
        raise WebsocketException(f"A ping or pong is str or bytes, not {type(message).__name__}.")
    payload = _bytes(message)
    if len(payload) > LONGEST_CONTROL:
        raise WebsocketException(
            f"A ping or pong may have {LONGEST_CONTROL} bytes, this one has {len(payload)}."
        )
    return payload


class _NeverOpened:
    """The connection of a client that was refused."""

    is_closed = True

    def _refuse(self, *_: object) -> None:
        raise WebsocketException(CLOSED, graceful=True)

    send_text = send_binary = send_file = send_ping = send_pong = _refuse

    def close(self, reason: str) -> None:
        """There is nothing to close."""


def refused_session(request: WebsocketRequest) -> LiveWebsocketSession:
    """The session that the ``on_close`` of a refused client is told of."""
    return LiveWebsocketSession(_NeverOpened(), request)


def handshake_answer(result: Any) -> Tuple[int, List[Tuple[str, str]]]:
    """What ``on_handshake`` has returned: the status that refuses, or 0, and further header fields of the answer.

    A number is the status, where 0 and 101 accept; a ``dict`` has header fields, a list several values of one. In a
    tuple the first number that isn't 0 counts, and all fields. Anything else accepts.
    """
    status = 0
    fields: List[Tuple[str, str]] = []
    for part in result if isinstance(result, tuple) else (result,):
        if isinstance(part, int):
            status = status or int(part)
        elif isinstance(part, dict):
            fields.extend(_field_lines(part))
    return (0 if status == 101 else status), fields


def _field_lines(headers: Dict[Any, Any]) -> List[Tuple[str, str]]:
    lines = []
    for name, value in headers.items():
        for line in value if isinstance(value, (list, tuple)) else (value,):
            lines.append((str(name), line.decode("latin-1") if isinstance(line, bytes) else str(line)))
    return lines


def failed(event: str, error: BaseException, traceback: Optional[TracebackType]) -> str:
    """Writes an exception of a handler to the log, with its traceback; the text of the exception.

    :param event: the handler and its event, as the log should name them.
    """
    error, traceback = uncovered(error, traceback)
    if _signals.interrupt(error, traceback):
        return "The server is ending."
    text = exception_text(error)
    _logger.error("%s failed: %s", event, text, exc_info=(type(error), error, traceback))
    return text


async def wait_for(awaitable: Any) -> Any:
    """What is awaitable and no coroutine, as one."""
    return await awaitable


__all__ = [
    "Connection",
    "LiveWebsocketRequest",
    "LiveWebsocketSession",
    "RequestSource",
    "failed",
    "handshake_answer",
    "refused_session",
    "wait_for",
]
