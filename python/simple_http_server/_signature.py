"""A Python callable as a list of its arguments, which the engine binds.

Everything that has to be asked of a function is asked once, when a server is made: what its annotations mean, which
binding each argument has, and whether it can be bound at all.
"""

import contextlib
import inspect
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, Type

from ._annotations import MISSING, UnresolvedAnnotation, item_kind, resolve, spellings
from ._location import ConfigurationError, location
from .logger import get_logger
from .models import model_bindings as bindings
from .models.model_bindings import ModelBinding, ModelBindingConf

__all__ = [
    "BINDINGS",
    "MISSING",
    "Argument",
    "PageArgument",
    "analyse",
    "analyse_error_page",
    "check_takes_one_argument",
]

_logger = get_logger("simple_http_server.routing_server")

KINDS: Dict[Type[ModelBinding], str] = {
    bindings.StrModelBinding: "str",
    bindings.IntModelBinding: "int",
    bindings.FloatModelBinding: "float",
    bindings.BoolModelBinding: "bool",
    bindings.ListModelBinding: "list",
    bindings.DictModelBinding: "dict",
    bindings.ParameterModelBinding: "parameter",
    bindings.ParametersModelBinding: "parameters",
    bindings.HeaderModelBinding: "header",
    bindings.HeadersModelBinding: "headers",
    bindings.CookieModelBinding: "cookie",
    bindings.CookiesModelBinding: "cookies",
    bindings.PathValueModelBinding: "path_value",
    bindings.RegGroupsModelBinding: "reg_groups",
    bindings.RegGroupModelBinding: "reg_group",
    bindings.MultipartFileModelBinding: "multipart",
    bindings.JSONBodyModelBinding: "json_body",
    bindings.BytesBodyModelBinding: "bytes_body",
    bindings.RequestBodyReaderModelBinding: "reader",
    bindings.ModelDictModelBinding: "model_dict",
    bindings.SessionModelBinding: "session",
    bindings.RequestModelBinding: "request",
    bindings.ResponseModelBinding: "response",
    bindings.EnvironmentModelBinding: "environment",
    bindings.DefaultModelBinding: "default",
}
"""What the engine calls the bindings that it has itself; every other binding is ``custom``."""

BINDINGS: Dict[str, Type[ModelBinding]] = {kind: binding for binding, kind in KINDS.items()}
"""The built-in bindings by what the engine calls them."""

PLAIN_KINDS = frozenset({"str", "int", "float", "bool", "list", "dict", "default"})
"""Kinds whose default is a plain value: it says nothing about where to look."""


class Argument(NamedTuple):
    """One argument of a controller."""

    name: str
    """How the function calls it."""
    kind: str
    """One of :data:`KINDS`, or ``custom``."""
    item: Optional[str]
    """What the items of a list are: ``str int float bool dict parameter``."""
    effective_name: str
    """How the request calls it."""
    default: Any
    """Its default, or :data:`MISSING`: then ``None`` as its value is answered with 400."""
    required: bool
    """Whether the default object, such as ``Parameter(required=True)``, wants it to be in the request."""
    group: int
    """The number of the group, for ``reg_group``."""
    positional: bool
    """Whether it is passed by position. A keyword-only argument is passed by its name."""
    binding: Optional[Type[ModelBinding]]
    """The class that binds it, for ``custom``."""
    arg_type: Any
    """The type by which the binding was found, which a binding is told."""


class PageArgument(NamedTuple):
    """One argument of an error page."""

    name: str
    source: Optional[str]
    """``code``, ``message``, ``explain``, or ``None``: then the default is passed."""
    default: Any
    positional: bool


def analyse(
    function: Callable[..., Any], binding_conf: ModelBindingConf, skip_self: bool = False
) -> List[Argument]:
    """The arguments of a function in the order in which they are bound: first those without a default.

    Arguments that are passed by position keep their order in this.

    :param skip_self: the first positional argument is the controller's object, which is none of the request's.
    :raises ConfigurationError: where an argument can't be bound.
    """
    owner, parameters = parameters_of(function)
    if skip_self and parameters and parameters[0].kind is not inspect.Parameter.KEYWORD_ONLY:
        del parameters[0]
    arguments = [_argument(owner, parameter, binding_conf) for parameter in parameters]
    bound = [argument for argument in arguments if not _keeps_its_default(argument)]
    return sorted(bound, key=lambda argument: argument.default is not MISSING)


def parameters_of(function: Callable[..., Any]) -> Tuple[Callable[..., Any], List[inspect.Parameter]]:
    """The parameters that have a name of their own, without ``*args`` and ``**kwargs``, and the function that has them.

    A wrapper that takes only ``*args`` and ``**kwargs`` has those of what it wraps.
    """
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{location(function)} has no signature: {error}") from None
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [parameter for parameter in signature.parameters.values() if parameter.kind not in variable]
    wrapped = getattr(function, "__wrapped__", None)
    if not named and signature.parameters and callable(wrapped):
        return parameters_of(wrapped)
    return function, named


def _argument(function: Callable[..., Any], parameter: inspect.Parameter, conf: ModelBindingConf) -> Argument:
    default = MISSING if parameter.default is inspect.Parameter.empty else parameter.default
    arg_type, binding = _find_binding(function, parameter, default, conf)
    kind = KINDS.get(binding, "custom")
    if kind == "list":
        arg_type = _list_type(function, parameter, arg_type)
    if kind == "default" and default is MISSING:
        raise ConfigurationError(
            f"The argument {parameter.name!r} of {location(function)} can't be bound: there is no binding for "
            f"{_shown(arg_type)}. Give it a default, or declare a binding with @model_binding."
        )
    return Argument(
        name=parameter.name,
        kind=kind,
        item=item_kind(arg_type) or "str" if kind == "list" else None,
        effective_name=_effective_name(kind, default) or parameter.name,
        default=default,
        required=_required(kind, default),
        group=getattr(default, "group", 0) if kind == "reg_group" else 0,
        positional=parameter.kind is not inspect.Parameter.KEYWORD_ONLY,
        binding=binding if kind == "custom" else None,
        arg_type=arg_type,
    )


def _required(kind: str, default: Any) -> bool:
    """A cookie that has no default at all has none to fall back to."""
    return bool(getattr(default, "required", kind == "cookie" and default is MISSING))


def _keeps_its_default(argument: Argument) -> bool:
    """Keyword-only arguments with a plain default have never been bound, so functions have had them for themselves."""
    return not argument.positional and argument.default is not MISSING and argument.kind in PLAIN_KINDS


def _effective_name(kind: str, default: Any) -> str:
    named = ("parameter", "parameters", "header", "cookie", "path_value", "multipart")
    return getattr(default, "name", "") if kind in named else ""


def _find_binding(
    function: Callable[..., Any], parameter: inspect.Parameter, default: Any, conf: ModelBindingConf
) -> Tuple[Any, Type[ModelBinding]]:
    """The type by which a binding is looked up, and the binding.

    The type of a default counts before the annotation, unless the default is ``None``.
    """
    if default is not MISSING and default is not None:
        arg_type: Any = type(default)
    else:
        try:
            arg_type = resolve(function, parameter.annotation)
        except UnresolvedAnnotation as error:
            text = f"The annotation of the argument {parameter.name!r} of {location(function)} can't be resolved: "
            if default is MISSING:
                raise ConfigurationError(f"{text}{error}") from None
            _logger.warning(f"{text}{error}. Its value is always None.")
            return parameter.annotation, bindings.DefaultModelBinding
    for spelling in spellings(arg_type):
        try:
            if spelling in conf.model_bingding_types:
                return arg_type, conf.model_bingding_types[spelling]
        except TypeError:  # what can't be hashed is no type that somebody has bound
            continue
    return arg_type, conf.default_model_binding_type


def _list_type(function: Callable[..., Any], parameter: inspect.Parameter, arg_type: Any) -> Any:
    """A default says only that it is a list; the annotation may say of what."""
    if item_kind(arg_type) is None and parameter.annotation is not inspect.Parameter.empty:
        with contextlib.suppress(UnresolvedAnnotation):
            annotated = resolve(function, parameter.annotation)
            return annotated if item_kind(annotated) else arg_type
    return arg_type


def _shown(arg_type: Any) -> str:
    return arg_type.__qualname__ if isinstance(arg_type, type) else str(arg_type)


def analyse_error_page(function: Callable[..., Any]) -> List[PageArgument]:
    """Which of code, message and explain each argument of an error page gets, by type and position.

    Each is given once. First the arguments without a default choose: the code goes to the first one that is an ``int``
    or has no annotation, the texts to those that are a ``str`` or have none; what nothing fits gets ``None``. Then
    those with a default, whose type stands in for an annotation; what nothing fits keeps it.
    """
    left = ["code", "message", "explain"]
    owner, parameters = parameters_of(function)
    parameters.sort(key=lambda parameter: parameter.default is not parameter.empty)
    return [
        PageArgument(
            name=parameter.name,
            source=_take(left, _fitting(owner, parameter)),
            default=None if parameter.default is parameter.empty else parameter.default,
            positional=parameter.kind is not parameter.KEYWORD_ONLY,
        )
        for parameter in parameters
    ]


def _fitting(function: Callable[..., Any], parameter: inspect.Parameter) -> Iterable[type]:
    try:
        annotation = resolve(function, parameter.annotation, unannotated=None)
    except UnresolvedAnnotation:
        return ()
    if annotation is not None:
        return (annotation,)
    if parameter.default is parameter.empty:
        return (int, str)
    return (type(parameter.default),)


def _take(left: List[str], fitting: Iterable[type]) -> Optional[str]:
    for source in left:
        if (int if source == "code" else str) in fitting:
            left.remove(source)
            return source
    return None


def check_takes_one_argument(function: Callable[..., Any], what: str) -> None:
    """Refuses a function that can't be called with one argument."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise ConfigurationError(f"{what} {location(function)} should take one argument: {error}.") from None
