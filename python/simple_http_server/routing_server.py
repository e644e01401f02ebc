"""What all servers and proxies have in common: the declarations of an application, and how requests are treated."""

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
    TypeVar,
    Union,
)

from . import _declarations as declarations
from ._declarations import ErrorPage, Filter, Resource, Route, WebsocketEndpoint
from ._location import ConfigurationError
from .app_conf import (
    AppConf,
    ControllerFunction,
    FilterDeclaration,
    WebsocketHandlerClass,
    _get_session_factory,
)
from .logger import get_logger
from .models.basic_models import SESSION_COOKIE_NAME, SessionFactory
from .models.model_bindings import ModelBindingConf

if TYPE_CHECKING:
    from . import _engine

__all__ = ["ConfigurationError", "RoutingServer"]

_logger = get_logger("simple_http_server.routing_server")

DEFAULT_CONNECTION_IDLE_TIME = 60
"""Seconds for which a connection may wait for a request."""

Declaration = TypeVar("Declaration")


class RoutingServer:
    """The base of all servers and proxies.

    :param res_conf: directories of static files by pattern.
    :param model_binding_conf: the bindings of arguments.
    """

    _is_the_server = True
    """Whether it is the one that writes accesses to the log, and that the ``Server`` field names."""

    def __init__(
        self,
        res_conf: Optional[Mapping[str, str]] = None,
        model_binding_conf: Optional[ModelBindingConf] = None,
    ) -> None:
        self.model_binding_conf = model_binding_conf or ModelBindingConf()
        self.keep_alive = True
        """Whether a connection may have more than one request."""
        self.session_factory: Optional[SessionFactory] = None
        """Where sessions are; ``None`` for the memory of this process, which all servers share."""
        self.gzip_compress_level = 9
        self.limits: Mapping[str, Any] = {}
        self.expose_errors = True
        """Whether the client is told the text of an exception that is no ``HttpError``."""
        self.compatible = True
        """Whether answers are as they always were where better ones would differ; see :func:`server.start`."""
        self.websocket_origins: Optional[Iterable[str]] = None
        """The sites whose pages may open WebSockets, beside the server's own; ``None`` for all."""
        self._connection_idle_time: Union[int, float] = DEFAULT_CONNECTION_IDLE_TIME
        self._keep_alive_max_request: Optional[int] = None
        self._gzip_content_types: Set[str] = set()
        self._routes: List[Route] = []
        self._filters: List[Filter] = []
        self._error_pages: Dict[str, ErrorPage] = {}
        self._websocket_endpoints: List[WebsocketEndpoint] = []
        self._resources: List[Resource] = []
        self._mounts: List[Tuple[str, _engine.RustApp]] = []
        self._res_conf: Dict[str, str] = {}
        self._warnings: Set[str] = set()
        self.res_conf = res_conf or {}

    @property
    def connection_idle_time(self) -> Union[int, float]:
        """Seconds for which a connection may wait for a request."""
        return self._connection_idle_time

    @connection_idle_time.setter
    def connection_idle_time(self, seconds: Optional[Union[int, float]]) -> None:
        if isinstance(seconds, (int, float)) and seconds > 0:
            self._connection_idle_time = seconds

    @property
    def keep_alive_max_request(self) -> Optional[int]:
        """How many requests a connection may have; ``None`` for any number."""
        return self._keep_alive_max_request

    @keep_alive_max_request.setter
    def keep_alive_max_request(self, requests: Optional[int]) -> None:
        if isinstance(requests, int) and requests > 0:
            self._keep_alive_max_request = requests

    @property
    def gzip_content_types(self) -> Set[str]:
        """The beginnings of the content types that are compressed, or ``type/*`` and ``type/*+suffix``."""
        return self._gzip_content_types

    @gzip_content_types.setter
    def gzip_content_types(self, types: Iterable[str]) -> None:
        self._gzip_content_types = _lower(types)

    def extend_gzip_content_types(self, types: Iterable[str]) -> None:
        """Adds to the content types that are compressed."""
        self._gzip_content_types |= _lower(types)

    @property
    def res_conf(self) -> Mapping[str, str]:
        """Directories of static files by pattern, in the order in which they are tried."""
        return self._res_conf

    @res_conf.setter
    def res_conf(self, res_conf: Mapping[str, str]) -> None:
        if not isinstance(res_conf, Mapping):
            raise ConfigurationError(
                f"resources should be a dict of patterns and directories, not a {type(res_conf).__name__}."
            )
        self._resources = [declarations.resource(pattern, path) for pattern, path in res_conf.items()]
        self._res_conf = dict(res_conf)

    def map_controller(self, mapping: ControllerFunction) -> None:
        """Adds a controller."""
        self._routes.append(declarations.route(mapping, self.model_binding_conf))

    def map_filter(self, declared: FilterDeclaration) -> None:
        """Adds a filter."""
        self._filters.append(declarations.filter_(declared))

    def map_websocket_handler(self, handler: WebsocketHandlerClass) -> None:
        """Adds a handler of WebSocket connections."""
        self._websocket_endpoints.append(declarations.websocket_endpoint(handler))

    def map_error_page(self, code: str, error_page: Callable[..., Any]) -> None:
        """Makes a function the page for errors with this code; without one, for all that have no other."""
        page = declarations.error_page(code, error_page)
        self._error_pages[page.code] = page

    def map_mount(self, prefix: str, module: Any) -> None:
        """Gives an application in Rust all paths below a prefix, see :meth:`AppConf.mount`."""
        from ._exported import rust_app

        if not prefix.startswith("/") or prefix == "/":
            raise ConfigurationError(f"A prefix such as /shop is needed to mount something, not {prefix!r}.")
        self._mounts.append((prefix, rust_app(module)))

    def map_app_conf(self, app_conf: AppConf) -> None:
        """Takes what was declared in a configuration.

        :raises ConfigurationError: with everything that is wrong with it.
        """
        problems: List[str] = []

        def declare_each(declare: Callable[[Declaration], None], declared: Iterable[Declaration]) -> None:
            for each in declared:
                try:
                    declare(each)
                except ConfigurationError as error:
                    problems.append(str(error))

        declare_each(self.map_filter, app_conf._get_filters())
        declare_each(self.map_controller, app_conf._get_controllers())
        declare_each(self.map_websocket_handler, app_conf._get_websocket_handlers())
        declare_each(lambda page: self.map_error_page(*page), app_conf._get_error_pages().items())
        for prefix, module in app_conf._get_mounts():
            declare_each(lambda module: self.map_mount(prefix, module), [module])  # noqa: B023 - called at once
        if problems:
            raise ConfigurationError("\n".join(problems))
        self.session_factory = app_conf.session_factory or _get_session_factory()

    def _app_options(self) -> Dict[str, Any]:
        """Further settings of the engine's app."""
        return {}

    def _build_app(self) -> Any:
        """What was declared as an application of the engine.

        :raises ConfigurationError: where the engine refuses something.
        """
        from . import _engine, _engine_log, version  # noqa: F401 - the second connects the engine's log

        if self.gzip_compress_level not in range(10):
            raise ConfigurationError(
                f"gzip_compress_level should be 0 to 9, not {self.gzip_compress_level!r}."
            )
        if not isinstance(self.limits, Mapping):
            raise ConfigurationError(f"limits should be a dict of names and bounds, not {self.limits!r}.")
        options: Dict[str, Any] = {
            "gzip": (sorted(self._gzip_content_types), self.gzip_compress_level),
            "limits": dict(self.limits),
            **self._app_options(),
            "access_log": self._is_the_server,
            "compatible": self.compatible,
        }
        if self._is_the_server:
            options["server_name"] = f"simple-http-server/{version}"
        if isinstance(self.websocket_origins, str):
            raise ConfigurationError(
                f"websocket_origins should be a list of sites, not the text {self.websocket_origins!r}."
            )
        if self.websocket_origins is not None:
            options["websocket_origins"] = list(self.websocket_origins)
        self._warn_of_arguments()
        sessions = self.session_factory or self._default_session_factory()
        app = _engine.App(sessions, SESSION_COOKIE_NAME, self.expose_errors, options)
        for route in self._routes:
            app.route(route)
        for request_filter in self._filters:
            app.filter(request_filter)
        for page in self._error_pages.values():
            app.error_page(page)
        for endpoint in self._websocket_endpoints:
            app.websocket(endpoint)
        for resource in self._resources:
            app.resource(resource)
        if self._filters and self._resources:
            app.file_controller(declarations.file_controller())
        for prefix, rust_app in self._mounts:
            app.mount(prefix, rust_app, self.session_factory is None)
        return app

    def _warn_of_arguments(self) -> None:
        """Names arguments that no request can give a value, each once."""
        if self._filters:
            return
        from ._unbound import never_bound

        for warning in never_bound(self._routes):
            if warning not in self._warnings:
                self._warnings.add(warning)
                _logger.warning(warning)

    def _default_session_factory(self) -> SessionFactory:
        """Where sessions are if nobody has said so: in this process."""
        if self._mounts:
            from ._shared_sessions import SharedSessionFactory

            return SharedSessionFactory(self._mounts[0][1])
        from .http_session_local import shared_session_factory

        return shared_session_factory()


def _lower(types: Iterable[str]) -> Set[str]:
    if isinstance(types, str):
        # its letters would be the beginnings of nearly all types
        raise ConfigurationError(
            f"gzip_content_types should be a set of content types, not the text {types!r}."
        )
    return {content_type.lower() for content_type in types}
