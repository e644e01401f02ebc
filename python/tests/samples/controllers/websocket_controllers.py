"""WebSocket: a class, and functions."""

from simple_http_server import (
    WEBSOCKET_MESSAGE_TEXT,
    WebsocketCloseReason,
    WebsocketHandler,
    WebsocketRequest,
    WebsocketSession,
    websocket_close,
    websocket_handler,
    websocket_handshake,
    websocket_message,
    websocket_open,
)
from simple_http_server.logger import get_logger

_logger = get_logger("samples")


@websocket_handler(endpoint="/ws/{path_val}")
class Echo(WebsocketHandler):
    def on_handshake(self, request: WebsocketRequest):
        if request.path_values["path_val"] == "refused":
            return 403, {"X-Why": "refused"}
        return 0, {"X-Path-Value": request.path_values["path_val"]}

    def on_open(self, session: WebsocketSession):
        _logger.info(f">>{session.id}<< open! {session.request.path_values}")

    def on_close(self, session: WebsocketSession, reason: str):
        _logger.info(f">>{session.id}<< close::{reason}")

    def on_text_message(self, session: WebsocketSession, message: str):
        session.send(message)


@websocket_handler(regexp="^/ws-reg/([a-zA-Z0-9]+)$", singleton=False)
class Counts(WebsocketHandler):
    def __init__(self) -> None:
        self._messages = 0

    def on_text_message(self, session: WebsocketSession, message: str):
        self._messages += 1
        session.send(f"{self._messages} {session.request.reg_groups[0]}")


@websocket_handshake(endpoint="/ws-fun/{path_val}")
def shake_hands(request: WebsocketRequest):
    return 0, {}


@websocket_open(endpoint="/ws-fun/{path_val}")
def opened(session: WebsocketSession):
    _logger.info(f">>{session.id}<< open! {session.request.path_values}")


@websocket_close(endpoint="/ws-fun/{path_val}")
def closed(session: WebsocketSession, reason: WebsocketCloseReason):
    _logger.info(f"closed: {reason.message}-{reason.code}-{reason.reason}")


@websocket_message(endpoint="/ws-fun/{path_val}", message_type=WEBSOCKET_MESSAGE_TEXT)
async def received(session: WebsocketSession, message: str):
    session.send(f"{session.request.path_values['path_val']}-{message}")
    if message == "close":
        session.close()
