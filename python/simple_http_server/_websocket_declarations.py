"""The classes and functions that handle WebSocket connections, as they were declared."""

import threading
from typing import Any, Callable, Dict, List, Optional, Type, TypeVar

from .logger import get_logger
from .models.websocket import (
    WEBSOCKET_MESSAGE_BINARY,
    WEBSOCKET_MESSAGE_BINARY_FRAME,
    WEBSOCKET_MESSAGE_PING,
    WEBSOCKET_MESSAGE_PONG,
    WEBSOCKET_MESSAGE_TEXT,
    WebsocketCloseReason,
    WebsocketHandler,
    WebsocketRequest,
    WebsocketSession,
)

_logger = get_logger("simple_http_server.app_conf")

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=Type[Any])
Event = Optional[Callable[..., Any]]

MESSAGE_EVENTS: Dict[str, str] = {
    WEBSOCKET_MESSAGE_TEXT: "text",
    WEBSOCKET_MESSAGE_BINARY: "binary",
    WEBSOCKET_MESSAGE_BINARY_FRAME: "binary_frame",
    WEBSOCKET_MESSAGE_PING: "ping",
    WEBSOCKET_MESSAGE_PONG: "pong",
}
"""The attribute of :class:`WebsocketHandlerProxy` for each kind of message."""


class WebsocketHandlerProxy(WebsocketHandler):
    """Functions, one for each event that somebody wants, as a handler. What they return is handed on."""

    def __init__(
        self,
        handshake: Event = None,
        open: Event = None,
        close: Event = None,
        ping: Event = None,
        pong: Event = None,
        text: Event = None,
        binary: Event = None,
        binary_frame: Event = None,
    ) -> None:
        self.handshake = handshake
        self.open = open
        self.close = close
        self.ping = ping
        self.pong = pong
        self.text = text
        self.binary = binary
        self.binary_frame = binary_frame

    def on_handshake(self, request: WebsocketRequest) -> Any:
        return self.handshake(request) if self.handshake else None

    def on_open(self, session: WebsocketSession) -> Any:
        return self.open(session) if self.open else None

    def on_close(self, session: WebsocketSession, reason: WebsocketCloseReason) -> Any:
        return self.close(session, reason) if self.close else None

    def on_ping_message(self, session: WebsocketSession, message: bytes) -> Any:
        return self.ping(session, message) if self.ping else super().on_ping_message(session, message)

    def on_pong_message(self, session: WebsocketSession, message: bytes) -> Any:
        return self.pong(session, message) if self.pong else None

    def on_text_message(self, session: WebsocketSession, message: str) -> Any:
        return self.text(session, message) if self.text else None

    def on_binary_message(self, session: WebsocketSession, message: bytes) -> Any:
        return self.binary(session, message) if self.binary else None

    def on_binary_frame(self, session: WebsocketSession, fin: bool, frame_payload: bytes) -> Any:
        return self.binary_frame(session, fin, frame_payload) if self.binary_frame else True


class WebsocketHandlerClass:
    """A class whose objects handle the connections of an endpoint.

    :param url: the pattern of the path.
    :param cls: the class, or anything that returns a handler when it is called without arguments.
    :param regexp: a regular expression instead of a pattern.
    :param singleton: one object for all connections, made with the first; otherwise one for each.
    """

    def __init__(
        self,
        url: str = "",
        cls: Optional[Callable[[], Any]] = None,
        regexp: str = "",
        singleton: bool = True,
    ) -> None:
        self.url = url
        self.cls = cls
        self.regexp = regexp
        self.singleton = singleton
        self._object: Any = None
        self._lock = threading.Lock()

    @property
    def ctrl_object(self) -> Any:
        """The handler for a new connection."""
        if self.cls is None:
            return None
        if not self.singleton:
            return self.cls()
        with self._lock:
            if self._object is None:
                self._object = self.cls()
            return self._object


class WebsocketFunctions(WebsocketHandlerClass):
    """Functions that handle the connections of an endpoint; all of them share one :class:`WebsocketHandlerProxy`."""

    def __init__(self, url: str = "", regexp: str = "") -> None:
        self.proxy = WebsocketHandlerProxy()
        super().__init__(url=url, cls=lambda: self.proxy, regexp=regexp)


class WebsocketDeclarations:
    """The handlers of one configuration, and the decorators that declare them."""

    def __init__(self) -> None:
        self._websocket_handlers: Dict[str, WebsocketHandlerClass] = {}

    def websocket_handler(
        self, endpoint: str = "", regexp: str = "", singleton: bool = True
    ) -> Callable[[C], C]:
        """Says that a class handles the WebSocket connections of an endpoint; see :class:`WebsocketHandler`.

        :param endpoint: a pattern of paths.
        :param regexp: a regular expression, instead of a pattern.
        :param singleton: one object for all connections; otherwise one for each.
        """

        def declare(cls: C) -> C:
            handler = WebsocketHandlerClass(url=endpoint, cls=cls, regexp=regexp, singleton=singleton)
            self._websocket_handlers[_websocket_key(endpoint, regexp)] = handler
            return cls

        return declare

    def websocket_handshake(self, endpoint: str = "", regexp: str = "") -> Callable[[F], F]:
        """A function ``(request)`` that accepts or refuses a connection."""
        return self._websocket_event("handshake", endpoint, regexp)

    def websocket_open(self, endpoint: str = "", regexp: str = "") -> Callable[[F], F]:
        """A function ``(session)`` for a connection that is open."""
        return self._websocket_event("open", endpoint, regexp)

    def websocket_close(self, endpoint: str = "", regexp: str = "") -> Callable[[F], F]:
        """A function ``(session, reason)`` for a connection that has ended."""
        return self._websocket_event("close", endpoint, regexp)

    def websocket_message(
        self, endpoint: str = "", regexp: str = "", message_type: str = WEBSOCKET_MESSAGE_TEXT
    ) -> Callable[[F], F]:
        """A function ``(session, message)`` for messages of a kind; for frames it is ``(session, fin, payload)``.

        :param message_type: one of the ``WEBSOCKET_MESSAGE_…`` constants.
        """
        event = MESSAGE_EVENTS.get(message_type, "")
        if not event:
            _logger.error(
                f"Cannot match websocket message type {message_type!r}; the function is never called."
            )
        return self._websocket_event(event, endpoint, regexp)

    def _websocket_event(self, event: str, endpoint: str, regexp: str) -> Callable[[F], F]:
        def declare(function: F) -> F:
            key = _websocket_key(endpoint, regexp)
            handler = self._websocket_handlers.setdefault(key, WebsocketFunctions(endpoint, regexp))
            if not isinstance(handler, WebsocketFunctions):
                _logger.warning(
                    f"A class handles the endpoint {endpoint or regexp!r} already; a function is ignored."
                )
            elif event:
                setattr(handler.proxy, event, function)
            return function

        return declare

    def _get_websocket_handlers(self) -> List[WebsocketHandlerClass]:
        return list(self._websocket_handlers.values())


def _websocket_key(endpoint: str, regexp: str) -> str:
    return f"{endpoint}:::{regexp}"
