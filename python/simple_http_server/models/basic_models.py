"""All classes and constants that controllers, filters and handlers work with, in one place."""

from .arguments import (
    BytesBody,
    Environment,
    Header,
    JSONBody,
    ModelDict,
    MultipartFile,
    Parameter,
    Parameters,
    ParamStringValue,
    PathValue,
    RegGroup,
    RegGroups,
    RequestBodyReader,
)
from .fields import Cookie, Cookies, Headers
from .filters import FilterContext
from .request import Request
from .response import HttpError, Redirect, Response, StaticFile
from .session import Session, SessionFactory
from .websocket import (
    WEBSOCKET_MESSAGE_BINARY,
    WEBSOCKET_MESSAGE_BINARY_FRAME,
    WEBSOCKET_MESSAGE_PING,
    WEBSOCKET_MESSAGE_PONG,
    WEBSOCKET_MESSAGE_TEXT,
    WEBSOCKET_OPCODE_BINARY,
    WEBSOCKET_OPCODE_CLOSE,
    WEBSOCKET_OPCODE_CONTINUATION,
    WEBSOCKET_OPCODE_PING,
    WEBSOCKET_OPCODE_PONG,
    WEBSOCKET_OPCODE_TEXT,
    WebsocketCloseReason,
    WebsocketHandler,
    WebsocketRequest,
    WebsocketSession,
)

DEFAULT_ENCODING = "UTF-8"
"""How texts are encoded."""

SESSION_COOKIE_NAME = "PY_SIM_HTTP_SER_SESSION_ID"
"""The cookie that has the id of the client's session."""

__all__ = [
    "DEFAULT_ENCODING",
    "SESSION_COOKIE_NAME",
    "WEBSOCKET_MESSAGE_BINARY",
    "WEBSOCKET_MESSAGE_BINARY_FRAME",
    "WEBSOCKET_MESSAGE_PING",
    "WEBSOCKET_MESSAGE_PONG",
    "WEBSOCKET_MESSAGE_TEXT",
    "WEBSOCKET_OPCODE_BINARY",
    "WEBSOCKET_OPCODE_CLOSE",
    "WEBSOCKET_OPCODE_CONTINUATION",
    "WEBSOCKET_OPCODE_PING",
    "WEBSOCKET_OPCODE_PONG",
    "WEBSOCKET_OPCODE_TEXT",
    "BytesBody",
    "Cookie",
    "Cookies",
    "Environment",
    "FilterContext",
    "Header",
    "Headers",
    "HttpError",
    "JSONBody",
    "ModelDict",
    "MultipartFile",
    "ParamStringValue",
    "Parameter",
    "Parameters",
    "PathValue",
    "Redirect",
    "RegGroup",
    "RegGroups",
    "Request",
    "RequestBodyReader",
    "Response",
    "Session",
    "SessionFactory",
    "StaticFile",
    "WebsocketCloseReason",
    "WebsocketHandler",
    "WebsocketRequest",
    "WebsocketSession",
]
