"""A light HTTP and WebSocket server whose controllers are plain functions, on an engine in Rust.

::

    from simple_http_server import request_map, server

    @request_map("/hello/{name}")
    def hello(name: PathValue, times: int = 1):
        return {"message": f"Hello, {name}! " * times}

    server.start(port=9090)
"""

# Some names at the end of the list are none of the package's own. Applications have got them from here, mostly by
# `from simple_http_server import *`, so they stay; the costly ones are imported when they are asked for.

import http
import sys
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple, Type, Union

from . import app_conf, logger, models
from .app_conf import (
    AppConf,
    ControllerFunction,
    WebsocketHandlerClass,
    WebsocketHandlerProxy,
    controller,
    default_model_binding,
    error_message,
    filter_map,
    get_app_conf,
    model_binding,
    request_filter,
    request_map,
    route,
    set_session_factory,
    websocket_close,
    websocket_handler,
    websocket_handshake,
    websocket_message,
    websocket_open,
)
from .app_conf import request as request
from .logger import get_logger
from .models.basic_models import (
    DEFAULT_ENCODING,
    SESSION_COOKIE_NAME,
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
    BytesBody,
    Cookie,
    Cookies,
    Environment,
    FilterContext,
    Header,
    Headers,
    HttpError,
    JSONBody,
    ModelDict,
    MultipartFile,
    Parameter,
    Parameters,
    ParamStringValue,
    PathValue,
    Redirect,
    RegGroup,
    RegGroups,
    Request,
    RequestBodyReader,
    Response,
    Session,
    SessionFactory,
    StaticFile,
    WebsocketCloseReason,
    WebsocketHandler,
    WebsocketRequest,
    WebsocketSession,
)
from .models.model_bindings import ModelBindingConf

if TYPE_CHECKING:
    import asyncio
    import base64
    import inspect
else:

    def __getattr__(attribute: str) -> Any:
        if attribute not in ("asyncio", "base64", "inspect"):
            raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")
        import importlib

        return importlib.import_module(attribute)


name = "simple_http_server"
version = "0.25.0"
"""The version, which the ``Server`` field of responses shows too."""

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
    "Any",
    "AppConf",
    "BytesBody",
    "Callable",
    "ControllerFunction",
    "Cookie",
    "Cookies",
    "Dict",
    "Environment",
    "FilterContext",
    "Header",
    "Headers",
    "HttpError",
    "JSONBody",
    "List",
    "ModelBindingConf",
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
    "Tuple",
    "Type",
    "Union",
    "WebsocketCloseReason",
    "WebsocketHandler",
    "WebsocketHandlerClass",
    "WebsocketHandlerProxy",
    "WebsocketRequest",
    "WebsocketSession",
    "abstractmethod",
    "app_conf",
    "asyncio",
    "base64",
    "controller",
    "default_model_binding",
    "error_message",
    "filter_map",
    "get_app_conf",
    "get_logger",
    "http",
    "inspect",
    "logger",
    "model_binding",
    "models",
    "name",
    "request_filter",
    "request_map",
    "route",
    "set_session_factory",
    "sys",
    "time",
    "version",
    "websocket_close",
    "websocket_handler",
    "websocket_handshake",
    "websocket_message",
    "websocket_open",
]
