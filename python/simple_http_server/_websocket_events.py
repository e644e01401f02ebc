"""Which events a WebSocket handler has, and that each can be called with what it is told."""

import inspect
import types
from typing import Any, Callable, Dict, FrozenSet

from ._location import ConfigurationError, location
from ._websocket_declarations import (
    MESSAGE_EVENTS,
    WebsocketFunctions,
    WebsocketHandlerClass,
    WebsocketHandlerProxy,
)
from .models.websocket import WebsocketHandler

EVENTS: Dict[str, int] = {
    "on_handshake": 1,
    "on_open": 1,
    "on_close": 2,
    "on_ping_message": 2,
    "on_pong_message": 2,
    "on_text_message": 2,
    "on_binary_message": 2,
    "on_binary_frame": 3,
}
"""All events, and how many arguments each has, beside the handler."""


def events_of(handler: WebsocketHandlerClass) -> FrozenSet[str]:
    """The events that the handler has.

    :raises ConfigurationError: where one of them can't be called with its arguments.
    """
    if isinstance(handler, WebsocketFunctions):
        return _events_of_functions(handler.proxy)
    return _events_of_class(handler.cls)


def _events_of_functions(proxy: WebsocketHandlerProxy) -> FrozenSet[str]:
    messages = {
        f"on_{name}" if name == "binary_frame" else f"on_{name}_message": name
        for name in MESSAGE_EVENTS.values()
    }
    names = {"on_handshake": "handshake", "on_open": "open", "on_close": "close", **messages}
    functions = {
        event: getattr(proxy, name) for event, name in names.items() if getattr(proxy, name) is not None
    }
    for event, function in functions.items():
        _check(event, function, EVENTS[event])
    return frozenset(functions)


def _events_of_class(cls: Any) -> FrozenSet[str]:
    """The events that a class has itself: those of ``WebsocketHandler`` do nothing that isn't done without them.

    Of what is made by a function nothing is known: it is asked for each event when there is one.
    """
    if not isinstance(cls, type):
        return frozenset(EVENTS)
    own = (event for event in EVENTS if getattr(cls, event, None) is not getattr(WebsocketHandler, event))
    events = frozenset(event for event in own if hasattr(cls, event))
    for event in events:
        method = inspect.getattr_static(cls, event)
        if isinstance(method, types.FunctionType):
            _check(event, method, EVENTS[event] + 1)
    return events


def _check(event: str, function: Callable[..., Any], count: int) -> None:
    """What stands around a function may give it other arguments, so only its own are looked at."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        raise ConfigurationError(
            f"{location(function)} should take {count} arguments, as {event} of a WebSocket handler: {error}."
        ) from None
