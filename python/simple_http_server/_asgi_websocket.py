"""WebSocket behind an ASGI server, which has the frames; messages are what is heard of them."""

import asyncio
import collections
import sys
import threading
from typing import Any, Callable, Deque, List, Optional, Tuple

from ._asgi import Message, Receive, Scope, Send
from ._declarations import WebsocketEndpoint
from ._engine import App, WebsocketSource, find_websocket
from ._live_websocket import CLOSED, LiveWebsocketRequest, LiveWebsocketSession, failed, handshake_answer
from ._wsgi import call_in
from .logger import get_logger
from .models.response import HttpError
from .models.websocket import WebsocketCloseReason
from .websocket_request_handler import WebsocketException

_logger = get_logger("simple_http_server.asgi_request_server")

LARGEST_QUEUE = 16 * 1024 * 1024
"""How many bytes, or characters of text, may wait to be sent.

Threads wait for room; in the event loop, which nothing may keep waiting, more is an error.
"""

LONGEST_REASON = 123
"""Bytes of the reason in a close frame (RFC 6455 section 5.5)."""

NORMAL, FAILURE = 1000, 1011

NOT_FOUND = 404

HOSTS_OWN = frozenset({"upgrade", "connection", "sec-websocket-accept", "sec-websocket-extensions"})


async def converse(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers the handshake and tells a handler what comes, until the connection ends."""
    message = await receive()
    if message["type"] != "websocket.connect":
        return
    try:
        found: Optional[Tuple[WebsocketEndpoint, WebsocketSource]] = find_websocket(app, scope)
    except HttpError as error:
        return await _refuse(scope, send, error.code, [])
    if found is None:
        return await _refuse(scope, send, NOT_FOUND, [])
    endpoint, source = found
    handshake = _Handshake(endpoint, LiveWebsocketRequest(source), scope)
    if not await handshake.accepts():
        return await _refuse(scope, send, handshake.status, handshake.headers)
    await send(
        {"type": "websocket.accept", "subprotocol": handshake.subprotocol, "headers": handshake.headers}
    )
    await _Conversation(endpoint, handshake, receive, send, app.expose_errors).run()


async def _refuse(scope: Scope, send: Send, status: int, headers: List[Tuple[bytes, bytes]]) -> None:
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": status, "reason": "Handshake error!"})
        return
    headers = [(name, value) for name, value in headers if name != b"content-length"]
    headers.append((b"content-length", b"0"))
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"", "more_body": False})


class _Handshake:
    """What a handler says to a client that wants to connect."""

    def __init__(self, endpoint: WebsocketEndpoint, request: LiveWebsocketRequest, scope: Scope) -> None:
        self.request = request
        self.handler: Any = None
        self.status = 0
        self.subprotocol: Optional[str] = None
        self.headers: List[Tuple[bytes, bytes]] = []
        self._endpoint = endpoint
        self._offered = scope.get("subprotocols") or []

    async def accepts(self) -> bool:
        """Asks the handler; otherwise ``status`` has what the client is told."""
        try:
            self.handler = self._endpoint.handler_factory()
            if "on_handshake" in self._endpoint.events:
                result = self.handler.on_handshake(self.request)
                self._take(await result if hasattr(result, "__await__") else result)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            _report(self._endpoint, "on_handshake", error)
            self.status, self.headers = 500, []
        return self.status == 0

    def _take(self, result: Any) -> None:
        status, fields = handshake_answer(result)
        if status and not 200 <= status < 600:
            raise ValueError(f"A handshake cannot be refused with status {status}.")
        for name, value in fields:
            name = name.lower()
            if name == "sec-websocket-protocol" and not status:
                self._choose(value)
            elif name not in HOSTS_OWN:
                self.headers.append(_field(name, value))
        self.status = status

    def _choose(self, subprotocol: str) -> None:
        """A client must break off when it is told of what it has not offered (RFC 6455 section 4.1)."""
        if subprotocol not in self._offered:
            _logger.warning(
                "The client has not offered the subprotocol %r, which %s chooses: it is not told of it.",
                subprotocol,
                self._endpoint.location,
            )
        elif self.subprotocol is None:
            self.subprotocol = subprotocol


def _field(name: str, value: str) -> Tuple[bytes, bytes]:
    if any(character in "\r\n\0" for character in name + value):
        raise ValueError(f"The field {name!r} cannot carry the value {value!r}.")
    return name.encode("latin-1"), value.encode("latin-1")


class _Conversation:
    """An open connection: its events, one at a time, in the task of the host."""

    def __init__(
        self,
        endpoint: WebsocketEndpoint,
        handshake: _Handshake,
        receive: Receive,
        send: Send,
        exposes_errors: bool,
    ) -> None:
        self._endpoint = endpoint
        self._handler = handshake.handler
        self._receive = receive
        self._connection = _HostedConnection(asyncio.get_running_loop(), send, self._close_is_sent)
        self._session = LiveWebsocketSession(self._connection, handshake.request)
        self._exposes_errors = exposes_errors
        self._task = asyncio.current_task()
        self._is_receiving = False
        self._is_interrupted = False

    async def run(self) -> None:
        reason = WebsocketCloseReason("Errors occur when handling message!")
        try:
            await self._tell("on_open", self._session)
            reason = await self._hear()
        finally:
            self._connection.end()
            await self._tell("on_close", self._session, reason)

    async def _hear(self) -> WebsocketCloseReason:
        """Tells what comes until nothing comes any more; why."""
        connection = self._connection
        while not connection.has_been_closed:
            message = await self._next_message()
            if message is None:
                break
            if message["type"] == "websocket.disconnect":
                if connection.has_been_closed:
                    break
                code = message.get("code", 1005)
                return WebsocketCloseReason(
                    "Client asked to close connection.", code, message.get("reason") or ""
                )
            text = message.get("text")
            if text is not None:
                await self._tell("on_text_message", self._session, text)
            else:
                await self._tell("on_binary_message", self._session, message.get("bytes") or b"")
        await connection.flush()
        return WebsocketCloseReason("Server asked to close connection.")

    async def _next_message(self) -> Optional[Message]:
        """What comes next; nothing once the connection has been closed from elsewhere."""
        self._is_receiving = True
        try:
            return await self._receive()
        except asyncio.CancelledError:
            if not self._is_interrupted or self._task is None:
                raise
            if sys.version_info >= (3, 11) and self._task.uncancel() > 0:
                raise
            return None
        finally:
            self._is_receiving = False

    def _close_is_sent(self) -> None:
        """Not every host says anything after that."""
        if self._is_receiving and not self._is_interrupted and self._task is not None:
            self._is_interrupted = True
            self._task.cancel()

    async def _tell(self, event: str, *arguments: Any) -> None:
        """Calls an event of the handler, if it has it; what it raises ends the connection."""
        if event not in self._endpoint.events:
            return
        try:
            with self._connection.gathered():
                result = getattr(self._handler, event)(*arguments)
            await self._connection.flush()
            if hasattr(result, "__await__"):
                await result
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            if isinstance(error, WebsocketException) and self._connection.is_closed and event != "on_close":
                return  # it says only that the client has gone
            text = _report(self._endpoint, event, error)
            during = "on_open" if event == "on_open" else "on_message"
            reason = f"Error occurs when {during}."
            self._connection.close(f"{reason} {text}" if self._exposes_errors else reason, FAILURE)


def _report(endpoint: WebsocketEndpoint, event: str, error: BaseException) -> str:
    name = f"{event} of the WebSocket handler {endpoint.location}"
    return failed(name, error, error.__traceback__)


class _HostedConnection:
    """What a session sends: the messages wait here until the host takes them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, send: Send, close_is_sent: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._thread = threading.get_ident()
        self._send = send
        self._close_is_sent = close_is_sent
        self._queue: Deque[Tuple[int, Message]] = collections.deque()
        self._size = 0
        self._room = threading.Condition()
        self._closed = False
        self.has_been_closed = False
        """Whether it was the application that has closed it."""
        self._is_gathering = False
        self._is_flushing: Optional[asyncio.Future[None]] = None
        self._flusher: Optional[asyncio.Task[None]] = None

    @property
    def is_closed(self) -> bool:
        return self._closed

    def send_text(self, text: str, chunk_size: int) -> None:
        self._warn_of_chunks(chunk_size)
        self._put(len(text), {"type": "websocket.send", "text": text})

    def send_binary(self, data: bytes, chunk_size: int) -> None:
        self._warn_of_chunks(chunk_size)
        self._put(len(data), {"type": "websocket.send", "bytes": data})

    def send_file(self, path: str, chunk_size: int) -> None:
        raise WebsocketException("ASGI servers send no files over WebSocket: send_binary does.")

    def send_ping(self, payload: bytes) -> None:
        raise WebsocketException("ASGI servers send pings themselves; an application can't.")

    def send_pong(self, payload: bytes) -> None:
        raise WebsocketException("ASGI servers send pongs themselves; an application can't.")

    def close(self, reason: str, code: int = NORMAL) -> None:
        reason = reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore")
        with self._room:
            if self._closed:
                return
            self._closed = self.has_been_closed = True
            self._queue.append((0, {"type": "websocket.close", "code": code, "reason": reason}))
            self._room.notify_all()
        self._wake()

    def end(self) -> None:
        """Nothing can be sent any more; what waits is lost, the host having gone."""
        with self._room:
            self._closed = True
            self._queue.clear()
            self._size = 0
            self._room.notify_all()

    def gathered(self) -> "_Gathering":
        """While it is held, what is sent waits for the next :meth:`flush`: that saves a task."""
        return _Gathering(self)

    async def flush(self) -> None:
        """Hands everything to the host, in order."""
        while self._is_flushing is not None:
            await self._is_flushing
        if not self._queue:
            return
        self._is_flushing = self._loop.create_future()
        try:
            while self._queue:
                await self._send_first()
        except Exception as error:
            # so says a host that the client has gone; not all of them say it with an OSError
            _logger.debug("A message could not be sent: %s", error)
            self.end()
        finally:
            self._is_flushing.set_result(None)
            self._is_flushing = None

    async def _send_first(self) -> None:
        with self._room:
            size, message = self._queue.popleft()
        await self._send(message)
        with self._room:
            self._size = max(self._size - size, 0)
            self._room.notify_all()
        if message["type"] == "websocket.close":
            self._queue.clear()
            self._close_is_sent()

    def _put(self, size: int, message: Message) -> None:
        is_in_loop = threading.get_ident() == self._thread
        with self._room:
            while not self._closed and self._size and self._size + size > LARGEST_QUEUE:
                if is_in_loop:
                    raise WebsocketException("The client reads too slowly: too much waits for it already.")
                self._room.wait()
            if self._closed:
                raise WebsocketException(CLOSED, graceful=True)
            self._size += size
            self._queue.append((size, message))
        self._wake()

    def _wake(self) -> None:
        if threading.get_ident() != self._thread:
            call_in(self._loop, self._begin_to_flush)
        elif not self._is_gathering:
            self._begin_to_flush()

    def _begin_to_flush(self) -> None:
        # whoever flushes sees what has come meanwhile
        if self._is_flushing is None and self._queue and (self._flusher is None or self._flusher.done()):
            self._flusher = self._loop.create_task(self.flush())

    def _warn_of_chunks(self, chunk_size: int) -> None:
        if chunk_size:
            _logger.warning("ASGI servers send messages whole: chunk_size is ignored.")


class _Gathering:
    def __init__(self, connection: _HostedConnection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection._is_gathering = True

    def __exit__(self, *_: object) -> None:
        self._connection._is_gathering = False
