"""A function, or a method of a class, that answers requests."""

import sys
import threading
import types
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple


class ControllerFunction:
    """One mapping of one method (or of any) to a function, as ``@request_map`` declared it.

    :param url: the pattern of the path.
    :param regexp: a regular expression instead.
    :param method: the method; any where it is empty.
    :param headers: expressions about header fields.
    :param match_all_headers_expressions: whether all of them have to hold; ``None`` reads as ``True``.
    :param params: expressions about parameters.
    :param match_all_params_expressions: whether all of them have to hold; ``None`` reads as ``True``.
    :param func: the function.
    """

    def __init__(
        self,
        url: str = "",
        regexp: str = "",
        method: str = "",
        headers: Sequence[str] = [],
        match_all_headers_expressions: Optional[bool] = None,
        params: Sequence[str] = [],
        match_all_params_expressions: Optional[bool] = None,
        func: Optional[Callable[..., Any]] = None,
    ) -> None:
        self._url = url
        self._regexp = regexp
        self._method = method
        self.headers: List[str] = list(headers)
        self._match_all_headers = match_all_headers_expressions
        self.params: List[str] = list(params)
        self._match_all_params = match_all_params_expressions
        self._func = func
        self._clz: Optional[type] = defining_class(func)
        self.singleton = False
        self.ctr_obj_init_args: Sequence[Any] = ()
        self.ctr_obj_init_kwargs: Mapping[str, Any] = {}
        self._objects = ControllerObjects()

    @property
    def url(self) -> str:
        return self._url

    @property
    def regexp(self) -> str:
        return self._regexp

    @property
    def method(self) -> str:
        return self._method

    @property
    def func(self) -> Optional[Callable[..., Any]]:
        return self._func

    @property
    def clz(self) -> Optional[type]:
        """The class that the function belongs to."""
        return self._clz

    @property
    def match_all_headers_expressions(self) -> bool:
        return self._match_all_headers is not False

    @property
    def match_all_params_expressions(self) -> bool:
        return self._match_all_params is not False

    @property
    def ctrl_object(self) -> Any:
        """An object of the class: the one that there is for all requests, or a new one."""
        if self._clz is None:
            return None
        if self.singleton:
            return self._objects.get(self._clz, self.ctr_obj_init_args, self.ctr_obj_init_kwargs)
        return self._clz(*self.ctr_obj_init_args, **self.ctr_obj_init_kwargs)


class ControllerObjects:
    """The objects of controller classes that have one for all requests, made when they are first wanted."""

    def __init__(self) -> None:
        self._objects: Dict[type, Any] = {}
        self._lock = threading.RLock()

    def get(self, cls: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        with self._lock:
            if cls not in self._objects:
                self._objects[cls] = cls(*args, **kwargs)
            return self._objects[cls]


class ControllerClass(NamedTuple):
    """What ``@controller`` says about a class."""

    singleton: bool
    args: Sequence[Any]
    kwargs: Mapping[str, Any]


class ClassMapping(NamedTuple):
    """What ``@request_map`` says about a class: it is joined with what it says about the methods."""

    url: str
    methods: Sequence[str]
    headers: Sequence[str]
    match_all_headers: Optional[bool]
    params: Sequence[str]
    match_all_params: Optional[bool]


def merge(mapping: ControllerFunction, of_class: Optional[ClassMapping]) -> List[ControllerFunction]:
    """The mappings of a function with those of its class, one for each method.

    A regular expression stands alone, but for the class's methods. The expressions of both have to hold; whether all
    or one of them is enough is the function's word, then the class's.
    """
    if of_class is None:
        return [mapping]
    return [
        ControllerFunction(
            url=mapping.url if mapping.regexp else join_urls(of_class.url, mapping.url),
            regexp=mapping.regexp,
            method=method,
            headers=[*mapping.headers, *of_class.headers],
            match_all_headers_expressions=_first_said(mapping._match_all_headers, of_class.match_all_headers),
            params=[*mapping.params, *of_class.params],
            match_all_params_expressions=_first_said(mapping._match_all_params, of_class.match_all_params),
            func=mapping.func,
        )
        for method in ([mapping.method] if mapping.method else of_class.methods)
    ]


def join_urls(of_class: str, of_function: str) -> str:
    """``/obj`` and ``say`` make ``/obj/say``; a function without a path has that of its class as it is."""
    if not of_function:
        return of_class
    if not of_class.endswith("/"):
        of_class += "/"
    return of_class + (of_function[1:] if of_function.startswith("/") else of_function)


def _first_said(*flags: Optional[bool]) -> Optional[bool]:
    return next((flag for flag in flags if flag is not None), None)


def defining_class(function: Any, decorated: Iterable[type] = ()) -> Optional[type]:
    """The class in whose body the function was written, or ``None``.

    :param decorated: classes that are known because they have a decorator: those that were written inside a function
        can't be found by their name.
    """
    module, name = getattr(function, "__module__", None), class_name(function)
    if not name:
        return None
    candidates = [cls for cls in decorated if (cls.__module__, cls.__qualname__) == (module, name)]
    for cls in candidates:
        if any(_unwrapped(attribute) is function for attribute in vars(cls).values()):
            return cls
    owner: Any = sys.modules.get(module or "")
    for part in name.split("."):
        owner = getattr(owner, part, None)
    if isinstance(owner, type):
        return owner
    return candidates[-1] if candidates else None


def class_name(function: Any) -> str:
    """The qualified name of the class in whose body a function was written; empty for other functions."""
    name, _, _ = getattr(function, "__qualname__", "").rpartition(".")
    return "" if isinstance(function, types.MethodType) or name.endswith("<locals>") else name


def _unwrapped(attribute: Any) -> Any:
    """The function inside a static method or a class method."""
    return attribute.__func__ if isinstance(attribute, (staticmethod, classmethod)) else attribute


def takes_the_object(function: Callable[..., Any], cls: type) -> bool:
    """Whether the first positional parameter receives the controller's object.

    Always for methods and class methods. A static method receives it as well, unless the parameter has an annotation
    or a default: then it is plainly one of the request's.
    """
    attribute = vars(cls).get(function.__name__)
    if not isinstance(attribute, staticmethod) or _unwrapped(attribute) is not function:
        return True
    code: types.CodeType = attribute.__func__.__code__
    first = code.co_varnames[: code.co_argcount][:1]
    has_default = len(attribute.__func__.__defaults__ or ()) == code.co_argcount
    return bool(first) and not has_default and first[0] not in attribute.__func__.__annotations__


def expressions(declared: Any) -> Tuple[str, ...]:
    """The expressions of ``params`` or ``headers``: one text is one expression, and an empty one says nothing."""
    if isinstance(declared, str):
        return (declared,) if declared else ()
    return tuple(declared)
