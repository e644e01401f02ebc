"""What an application declares, as plain data for the engine; each says where it comes from."""

import inspect
import os
import re
import types
from typing import Any, Callable, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Union

from ._controller_function import ControllerFunction, class_name, takes_the_object
from ._found_file import found_file
from ._location import ConfigurationError, location
from ._signature import Argument, PageArgument, analyse, analyse_error_page, check_takes_one_argument
from ._websocket_declarations import WebsocketFunctions, WebsocketHandlerClass
from ._websocket_events import events_of
from .app_conf import FilterDeclaration
from .logger import get_logger
from .models.model_bindings import ModelBindingConf

_logger = get_logger("simple_http_server.routing_server")

METHODS = ("OPTIONS", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT")


class Route(NamedTuple):
    """One mapping of requests to a function."""

    url: str
    """The pattern, or empty where there is a regular expression."""
    regexp: Optional["re.Pattern[str]"]
    method: str
    """In capitals; empty for any."""
    params: Sequence[str]
    match_all_params: bool
    headers: Sequence[str]
    match_all_headers: bool
    function: Callable[..., Any]
    """A function, or a method that is bound to its object."""
    arguments: Sequence[Argument]
    object_factory: Optional[Callable[[], Any]]
    """Makes the object that the function is called with first, for each request."""
    location: str


class Filter(NamedTuple):
    path: str
    regexp: Optional["re.Pattern[str]"]
    function: Callable[..., Any]
    location: str


class ErrorPage(NamedTuple):
    code: str
    """``404``, ``40x``, or empty for all errors."""
    function: Callable[..., Any]
    arguments: Sequence[PageArgument]
    location: str


class WebsocketEndpoint(NamedTuple):
    endpoint: str
    regexp: Optional["re.Pattern[str]"]
    handler_factory: Callable[[], Any]
    """The handler for a new connection."""
    events: FrozenSet[str]
    """Which events the handler has; the others need not be called, and pings are answered without it."""
    location: str


class Resource(NamedTuple):
    pattern: str
    directory: str


def route(mapping: ControllerFunction, binding_conf: ModelBindingConf) -> Route:
    """:raises ConfigurationError: where the mapping can't be served."""
    function = mapping.func
    where = location(function)
    if not callable(function):
        raise ConfigurationError(
            f"What is mapped to {mapping.url or mapping.regexp!r} can't be called: {function!r}."
        )
    function, arguments, object_factory = _bound(mapping, function, binding_conf)
    return Route(
        url=_url(mapping, where),
        regexp=_compiled(mapping.regexp, where),
        method=_method(mapping.method, where),
        params=mapping.params,
        match_all_params=mapping.match_all_params_expressions,
        headers=mapping.headers,
        match_all_headers=mapping.match_all_headers_expressions,
        function=function,
        arguments=arguments,
        object_factory=object_factory,
        location=where,
    )


def file_controller() -> Route:
    """What answers for files that filters stand before; which those are the engine finds out."""
    return route(ControllerFunction(url="/**", func=found_file), ModelBindingConf())


def _bound(
    mapping: ControllerFunction, function: Callable[..., Any], binding_conf: ModelBindingConf
) -> "tuple[Callable[..., Any], List[Argument], Optional[Callable[[], Any]]]":
    if mapping.clz is None or not takes_the_object(function, mapping.clz):
        if mapping.clz is None and class_name(function):
            _logger.warning(
                f"The class of {location(function)} is not known, because it is inside of a function: its methods get "
                f"no object. Decorate it with @controller."
            )
        return function, analyse(function, binding_conf), None
    arguments = analyse(function, binding_conf, skip_self=True)
    _check_can_be_made(mapping.clz, mapping.ctr_obj_init_args, mapping.ctr_obj_init_kwargs)
    if mapping.singleton:
        return types.MethodType(function, mapping.ctrl_object), arguments, None
    return function, arguments, lambda: mapping.ctrl_object


def _check_can_be_made(cls: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuses a class whose objects can't be made with these arguments."""
    try:
        signature = inspect.signature(cls)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ConfigurationError(f"No object of {location(cls)} can be made: {error}.") from None


def _url(mapping: ControllerFunction, where: str) -> str:
    if mapping.regexp:
        if mapping.url:
            _logger.warning(
                f"{where} has a url and a regexp: {mapping.regexp!r} is used, {mapping.url!r} is ignored."
            )
        return ""
    if mapping.url:
        check_wildcards(mapping.url, where)
        return mapping.url
    _logger.warning(f"{where} has neither a url nor a regexp: it answers requests for the root path /.")
    return "/"


def check_wildcards(pattern: str, where: str) -> None:
    """A wildcard may stand at one end of a pattern that has no variable."""
    if re.search(r"\{\w+\}", pattern):
        return
    path = pattern[1:] if pattern.startswith("/") else pattern
    match = re.fullmatch(r"(\*{1,2})?[^*]*(\*{1,2})?", path)
    if match is None or all(match.groups()):
        raise ConfigurationError(
            f"You can only config a * or ** at the start or end of a path. {pattern!r} of {where}"
        )


def _compiled(regexp: str, where: str) -> Optional["re.Pattern[str]"]:
    try:
        return re.compile(regexp) if regexp else None
    except re.error as error:
        raise ConfigurationError(f"The regexp {regexp!r} of {where} is invalid: {error}.") from None


def _method(method: str, where: str) -> str:
    upper = method.upper()
    if upper and upper not in METHODS:
        raise ConfigurationError(
            f"The method {method!r} of {where} is unknown: it should be one of {', '.join(METHODS)}."
        )
    return upper


def filter_(declared: FilterDeclaration) -> Filter:
    """:raises ConfigurationError: where the filter can't run."""
    where = location(declared.function)
    check_takes_one_argument(declared.function, "The filter")
    if declared.path:
        check_wildcards(declared.path, where)
    return Filter(declared.path, _compiled(declared.regexp, where), declared.function, where)


def error_page(code: str, function: Callable[..., Any]) -> ErrorPage:
    """:raises ConfigurationError: where the function's arguments can't be known, or the code is none."""
    code, where = str(code).lower(), location(function)
    if re.fullmatch(r"\dxx", code):
        _logger.warning(
            f"The error page {where} is never used: instead of {code!r} write {code[0]}0x and the like."
        )
    elif code and not re.fullmatch(r"\d\d[\dx]", code):
        raise ConfigurationError(
            f"The code {code!r} of the error page {where} should be one like 404 or 40x, or left out for all errors."
        )
    return ErrorPage(code, function, analyse_error_page(function), where)


def websocket_endpoint(handler: WebsocketHandlerClass) -> WebsocketEndpoint:
    """:raises ConfigurationError: where the handler can't be made or called, or its endpoint can't be matched."""
    if isinstance(handler, WebsocketFunctions):
        functions = [function for function in vars(handler.proxy).values() if function is not None]
        where = location(functions[0]) if functions else handler.url or handler.regexp
    else:
        where = location(handler.cls)
    if not callable(handler.cls):
        raise ConfigurationError(f"The WebSocket handler of {handler.url or handler.regexp!r} is no class.")
    if not handler.url and not handler.regexp:
        raise ConfigurationError(f"The WebSocket handler {where} has neither an endpoint nor a regexp.")
    if handler.url:
        check_wildcards(handler.url, where)
    if isinstance(handler.cls, type):
        _check_can_be_made(handler.cls, (), {})
    return WebsocketEndpoint(
        endpoint=handler.url,
        regexp=_compiled(handler.regexp, where),
        handler_factory=lambda: handler.ctrl_object,
        events=events_of(handler),
        location=where,
    )


def resource(pattern: str, directory: "Union[str, os.PathLike[str]]") -> Resource:
    """:raises ConfigurationError: where the pattern is of no kind that there is, or the directory no path."""
    if not isinstance(directory, (str, os.PathLike)):
        raise ConfigurationError(
            f"The directory of {pattern!r} of resources should be a path, not {directory!r}."
        )
    if pattern.startswith("*"):
        suffix = pattern.lstrip("*")
        if "*" in suffix or "/" in suffix:
            raise ConfigurationError(
                f"If a resource path starts with *, only suffix can be configurated. {pattern!r} of resources"
            )
        known = len(pattern) - len(suffix) <= 2 and len(suffix) > 1 and suffix.startswith(".")
    else:
        known = pattern.endswith(("/", "/*", "/**"))
        if "*" in re.sub(r"(?<=/)\*{1,2}$", "", pattern):
            raise ConfigurationError(
                f"You can only config a * or ** at the start or end of a path. {pattern!r} of resources"
            )
    if not known:
        raise ConfigurationError(
            f"The pattern {pattern!r} of resources should be like /prefix/*, /prefix/**, *.suffix or **.suffix."
        )
    return Resource(pattern, os.fsdecode(directory))
