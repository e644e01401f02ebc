"""What an application declares: its decorators, and the :class:`AppConf` that keeps what they say."""

import threading
from typing import (
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)

from ._controller_function import (
    ClassMapping,
    ControllerClass,
    ControllerFunction,
    ControllerObjects,
    defining_class,
    expressions,
    merge,
)
from ._favicon import favicon
from ._location import ConfigurationError
from ._websocket_declarations import WebsocketDeclarations, WebsocketHandlerClass, WebsocketHandlerProxy
from .logger import get_logger
from .models.basic_models import SessionFactory
from .models.model_bindings import ModelBinding, ModelBindingConf

__all__ = [
    "AppConf",
    "ControllerFunction",
    "WebsocketHandlerClass",
    "WebsocketHandlerProxy",
    "controller",
    "default_model_binding",
    "error_message",
    "filter_map",
    "get_app_conf",
    "model_binding",
    "request_filter",
    "request_map",
    "route",
    "set_session_factory",
    "websocket_close",
    "websocket_handler",
    "websocket_handshake",
    "websocket_message",
    "websocket_open",
]

_logger = get_logger("simple_http_server.app_conf")

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=Type[Any])
B = TypeVar("B", bound=Type[ModelBinding])
Expressions = Union[str, Sequence[str]]


class FilterDeclaration(NamedTuple):
    """A filter: a pattern of the path, or a regular expression, and the function."""

    path: str
    regexp: str
    function: Callable[..., Any]


class AppConf(WebsocketDeclarations):
    """One configuration: what requests there are and who answers them.

    There is a default one, which the functions of this module add to; :func:`get_app_conf` makes others, and each may
    be served on a port of its own. A server takes what was declared before it was made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.session_factory: Optional[SessionFactory] = None
        """Where its sessions are; see :func:`set_session_factory` for all that have none."""
        self.model_binding_conf = ModelBindingConf()
        self._mappings: List[ControllerFunction] = []
        self._class_mappings: Dict[type, ClassMapping] = {}
        self._controllers: Dict[type, ControllerClass] = {}
        self._objects = ControllerObjects()
        self._filters: List[FilterDeclaration] = []
        self._error_pages: Dict[str, Callable[..., Any]] = {}
        self._mounts: List[Tuple[str, Any]] = []
        self.route = self.request_map
        self.request_map("/favicon.ico")(favicon)

    @overload
    def request_map(self, controller: F, /) -> F: ...
    @overload
    def request_map(
        self,
        *anno_args: str,
        url: str = "",
        regexp: str = "",
        method: Union[str, Sequence[str]] = "",
        headers: Expressions = "",
        match_all_headers_expressions: Optional[bool] = None,
        params: Expressions = "",
        match_all_params_expressions: Optional[bool] = None,
    ) -> Callable[[F], F]: ...
    def request_map(
        self,
        *anno_args: Any,
        url: str = "",
        regexp: str = "",
        method: Union[str, Sequence[str]] = "",
        headers: Expressions = "",
        match_all_headers_expressions: Optional[bool] = None,
        params: Expressions = "",
        match_all_params_expressions: Optional[bool] = None,
    ) -> Any:
        """Says which requests a function answers, or, on a class, what its methods have in common.

        ``@request_map("/path")``, ``@request_map(regexp="^/path$")``, or bare on a method of a class that has a path.

        :param url: the pattern: exact, with ``{variables}``, or with ``*`` or ``**`` at one end.
        :param regexp: a regular expression, instead of a pattern.
        :param method: a method, several with commas or in a list; any method where it is empty.
        :param headers: one expression or several: ``a=b``, ``a!=b``, ``a^=b``, ``a``, ``!a``.
        :param match_all_headers_expressions: whether all of them have to hold (so it is if ``None``) or one.
        :param params: the same about parameters.
        :param match_all_params_expressions: the same about parameters.
        """
        bare, url = _bare_or_url(anno_args, url, regexp)
        mapping = ClassMapping(
            url,
            _methods(method),
            expressions(headers),
            match_all_headers_expressions,
            expressions(params),
            match_all_params_expressions,
        )

        def declare(declared: Any) -> Any:
            if isinstance(declared, type):
                self._class_mappings[declared] = mapping
            else:
                self._map_function(declared, regexp, mapping)
            return declared

        return declare if bare is None else declare(bare)

    def _map_function(self, declared: Any, regexp: str, mapping: ClassMapping) -> None:
        function = declared.__func__ if isinstance(declared, (staticmethod, classmethod)) else declared
        for method in mapping.methods:
            self._mappings.append(
                ControllerFunction(
                    url=mapping.url,
                    regexp=regexp,
                    method=method,
                    headers=mapping.headers,
                    match_all_headers_expressions=mapping.match_all_headers,
                    params=mapping.params,
                    match_all_params_expressions=mapping.match_all_params,
                    func=function,
                )
            )

    @overload
    def controller(self, controller_class: C, /) -> C: ...
    @overload
    def controller(
        self, *anno_args: Any, singleton: bool = True, args: Sequence[Any] = [], kwargs: Dict[str, Any] = {}
    ) -> Callable[[C], C]: ...
    def controller(
        self, *anno_args: Any, singleton: bool = True, args: Sequence[Any] = [], kwargs: Dict[str, Any] = {}
    ) -> Any:
        """Says that one object of a class answers all requests, and how it is made. Bare, or called.

        :param singleton: ``False`` makes an object for each request, as for a class without this decorator.
        :param args: arguments of the constructor.
        :param kwargs: keyword arguments of the constructor.
        """

        def declare(cls: Any) -> Any:
            self._controllers[cls] = ControllerClass(singleton, args, kwargs)
            return cls

        return declare(anno_args[0]) if anno_args and isinstance(anno_args[0], type) else declare

    def request_filter(self, path: str = "", regexp: str = "") -> Callable[[F], F]:
        """Puts a function around controllers: it gets a :class:`FilterContext` and calls ``do_chain`` to go on.

        :param path: a pattern of paths, which begins with a slash.
        :param regexp: a regular expression, instead of a pattern.
        """
        if bool(path) == bool(regexp):
            raise AssertionError("A filter should have a path or a regexp, and not both.")

        def declare(function: F) -> F:
            self._filters.append(FilterDeclaration(path, regexp, function))
            return function

        return declare

    def filter_map(self, regexp: str = "", filter_function: Optional[Callable[..., Any]] = None) -> Any:
        """Deprecated: use :meth:`request_filter`."""
        _logger.warning("filter_map is deprecated, use request_filter instead.")
        declare = self.request_filter(regexp=regexp)
        return declare if filter_function is None else declare(filter_function)

    @overload
    def error_message(self, page: F, /) -> F: ...
    @overload
    def error_message(self, *codes: Union[str, int]) -> Callable[[F], F]: ...
    def error_message(self, *codes: Any) -> Any:
        """Makes a function the page for errors: ``"404"``, ``"40x"``, or all, without a code. Bare, or called.

        The function gets the code (``int``), the message and what explains it (``str``), by type and position.
        """
        if len(codes) == 1 and callable(codes[0]):
            return self.error_message()(codes[0])

        def declare(function: F) -> F:
            for code in codes or ("",):
                # an `HTTPStatus` is a number, whatever its text is
                text = str(int(code)) if isinstance(code, int) else str(code).lower()
                self._error_pages[text] = function
            return function

        return declare

    def mount(self, prefix: str, module: Any) -> None:
        """Gives an application in Rust all paths below a prefix, which it does not see.

        The engine calls its controllers without Python. No controller, filter or error page of this configuration is
        asked for those paths. Its WebSocket endpoints are reached at the server's own port, not behind an ASGI server.

        Both have one session, under one cookie, unless there is a session factory: then the application keeps its own.
        In common are attributes that JSON can say; others are a ``TypeError``.

        :param prefix: ``/shop``, for ``/shop``, ``/shop/`` and ``/shop/baskets/3``.
        :param module: what ``vernal_python::export!`` has made; it is imported before the first server is made.
        """
        self._mounts.append((prefix, module))

    def model_binding(self, arg_type: Any) -> Callable[[B], B]:
        """Makes a class the binding of exactly this type, built-in types included."""

        def declare(binding: B) -> B:
            self.model_binding_conf.model_bingding_types[arg_type] = binding
            return binding

        return declare

    @overload
    def default_model_binding(self, binding: B, /) -> B: ...
    @overload
    def default_model_binding(self) -> Callable[[B], B]: ...
    def default_model_binding(self, *anno_args: Any) -> Any:
        """Makes a class the binding of all types that have no other. Bare, or called."""

        def declare(binding: B) -> B:
            self.model_binding_conf.default_model_binding_type = binding
            return binding

        return declare(anno_args[0]) if anno_args else declare

    def _get_controllers(self) -> List[ControllerFunction]:
        """All mappings in the order of their declaration, those of classes and of their methods joined."""
        decorated = {**self._class_mappings, **self._controllers}
        merged: List[ControllerFunction] = []
        for mapping in self._mappings:
            cls = defining_class(mapping.func, decorated)
            for joined in merge(mapping, self._class_mappings.get(cls) if cls else None):
                joined._clz = cls
                joined._objects = self._objects
                if cls in self._controllers:
                    joined.singleton, joined.ctr_obj_init_args, joined.ctr_obj_init_kwargs = (
                        self._controllers[cls]
                    )
                merged.append(joined)
        return merged

    def _get_filters(self) -> List[FilterDeclaration]:
        return list(self._filters)

    def _get_mounts(self) -> List[Tuple[str, Any]]:
        """The applications in Rust, and where they are."""
        return list(self._mounts)

    def _get_error_pages(self) -> Dict[str, Callable[..., Any]]:
        """The pages by code; the one for all errors has the empty code."""
        return dict(self._error_pages)


def _bare_or_url(anno_args: Tuple[Any, ...], url: str, regexp: str) -> Tuple[Any, str]:
    """What a bare decorator was put upon, or ``None``; and the pattern."""
    if not anno_args:
        return None, url
    if len(anno_args) > 1:
        raise AssertionError(f"request_map takes at most one positional argument, not {len(anno_args)}.")
    if not isinstance(anno_args[0], str):
        return anno_args[0], url
    if url or regexp:
        raise AssertionError(
            f"The url {anno_args[0]!r} is given already: neither url= nor regexp= may be given too."
        )
    return None, anno_args[0]


def _methods(method: Union[str, Sequence[str]]) -> List[str]:
    """One mapping is made for each of them; the empty one stands for any."""
    return [one.strip() for one in method.split(",")] if isinstance(method, str) else list(method)


_default_app_conf = AppConf()
_app_confs: Dict[str, AppConf] = {"": _default_app_conf}
_app_confs_lock = threading.Lock()
_session_factory: Optional[SessionFactory] = None

request_map = _default_app_conf.request_map
route = request_map
request = request_map  # what the documentation calls it in one place; `from … import *` leaves it out
controller = _default_app_conf.controller
request_filter = _default_app_conf.request_filter
filter_map = _default_app_conf.filter_map
websocket_handler = _default_app_conf.websocket_handler
websocket_handshake = _default_app_conf.websocket_handshake
websocket_open = _default_app_conf.websocket_open
websocket_close = _default_app_conf.websocket_close
websocket_message = _default_app_conf.websocket_message
error_message = _default_app_conf.error_message
model_binding = _default_app_conf.model_binding
default_model_binding = _default_app_conf.default_model_binding


def get_app_conf(tag: str = "") -> AppConf:
    """The configuration of this name, made when it is first asked for; the default one where the name is empty."""
    with _app_confs_lock:
        if tag not in _app_confs:
            _app_confs[tag] = AppConf()
        return _app_confs[tag]


def _chosen_app_conf(app_conf: Optional[AppConf]) -> AppConf:
    """The configuration to be served: the default one for ``None``.

    :raises ConfigurationError: where it is none.
    """
    chosen = app_conf or get_app_conf()
    if not isinstance(chosen, AppConf):
        raise ConfigurationError(f"app_conf cannot be {app_conf!r}: an AppConf is wanted.")
    return chosen


def set_session_factory(session_factory: Optional[SessionFactory]) -> None:
    """Says where the sessions of all configurations are that have no ``session_factory`` of their own.

    It is read when a server is made.
    """
    global _session_factory
    _session_factory = session_factory


def _get_session_factory() -> Optional[SessionFactory]:
    return _session_factory
