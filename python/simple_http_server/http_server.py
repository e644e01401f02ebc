"""The servers, and the proxies behind which other servers stand."""

from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, Mapping, Optional, Tuple, Union

from . import _signals
from ._location import ConfigurationError
from ._serving import Serving
from .app_conf import AppConf, ControllerFunction, FilterDeclaration, WebsocketHandlerClass, _chosen_app_conf
from .logger import get_logger
from .models.model_bindings import ModelBindingConf
from .routing_server import RoutingServer

if TYPE_CHECKING:
    from ssl import SSLContext

    from . import _engine
    from ._workers import Workers

_logger = get_logger("simple_httpself.http_server")

PROTOCOL_TLS_SERVER = 17
"""``ssl.PROTOCOL_TLS_SERVER``: the module is not imported where there is no TLS."""

DEFAULT_MAX_WORKERS = 50
"""How many threads controllers may have."""

DEFAULT_DRAIN_DEADLINE = 10.0
"""Seconds that requests have to end once the server stops."""


class SocketServer(RoutingServer):
    """A server with a port of its own.

    :param host: the address; all of them where it is empty.
    :param port: the port; 0 for any that is free.
    :param res_conf: directories of static files by pattern.
    :param model_binding_conf: the bindings of arguments.
    :param max_workers: how many threads controllers may have.
    :param workers: how many processes serve the port.
    :param drain_deadline: seconds that requests have to end once the server stops.
    """

    def __init__(
        self,
        host: str = "",
        port: int = 9090,
        res_conf: Optional[Mapping[str, str]] = None,
        model_binding_conf: Optional[ModelBindingConf] = None,
        max_workers: Optional[int] = None,
        *,
        workers: int = 1,
        drain_deadline: float = DEFAULT_DRAIN_DEADLINE,
    ) -> None:
        super().__init__(res_conf, model_binding_conf)
        self.host = host
        self.port = port
        self.max_workers = max_workers or DEFAULT_MAX_WORKERS
        self.workers = workers
        self.drain_deadline = drain_deadline
        self.keyfile = ""
        self.certfile = ""
        self.keypass = ""
        self.ssl_context: Optional[SSLContext] = None
        self._serving: Union[Serving, Workers, None] = None

    @property
    def ready(self) -> bool:
        """Whether it accepts connections."""
        return self._serving is not None and self._serving.ready

    def bind(self) -> "Union[Serving, Workers]":
        """Checks what was declared, then binds the port, once for each start."""
        if self._serving is None or self._serving.has_ended:
            self._serving = self._make_serving()
        return self._serving

    def _make_serving(self) -> "Union[Serving, Workers]":
        if not isinstance(self.workers, int) or self.workers < 1:
            raise ConfigurationError(f"workers should be a whole number, at least 1, not {self.workers!r}.")
        app, options, threads = self._build_app(), self._options(), self._threads()
        if self.ssl_context is None:
            serving = Serving(app, options, threads, self.drain_deadline)
        else:
            serving = self._serve_behind(self.ssl_context, app, options, threads)
        if self.workers == 1:
            return serving
        from ._workers import Workers

        return Workers(serving, self.workers, self._run, self.drain_deadline)

    def _serve_behind(
        self, context: "SSLContext", app: "_engine.App", options: Dict[str, Any], threads: int
    ) -> Serving:
        """The engine behind Python's own TLS, which hands it plain bytes."""
        from ._tls_front import TlsFront

        if self.workers > 1:
            raise ConfigurationError(
                "ssl_context is for one process: with workers, give keyfile and certfile instead."
            )
        _warn_of_slow_tls()
        front = TlsFront(options.pop("host"), options.pop("port"), context, self.limits)
        try:
            return Serving(app, {**options, **front.options}, threads, self.drain_deadline, front)
        except BaseException:
            front.close()
            raise

    def declarations_changed(self) -> None:
        """Answers further requests by what is declared now."""
        if self._serving is not None:
            self._serving.replace_app(self._build_app())

    def shutdown(self) -> None:
        """Stops the server: the port is closed, and requests may end until the deadline. Returns at once."""
        if self._serving is not None:
            self._serving.stop()

    def start(self) -> None:
        """Serves until the server is stopped."""
        with _signals.claimed():
            serving = self.bind()
            self._announce(serving)
            if isinstance(serving, Serving):
                self._run(serving)
            else:
                serving.run()

    async def start_async(self) -> None:
        """Serves until the server is stopped, while the event loop of the caller goes on."""
        if self.workers > 1:
            raise ConfigurationError("workers are processes of their own: call start, not start_async.")
        serving = self.bind()
        self._announce(serving)
        await serving.run_async()

    def _announce(self, serving: "Union[Serving, Workers]") -> None:
        raise NotImplementedError

    def _run(self, serving: Serving) -> None:
        """Serves in this process until the server is stopped."""
        raise NotImplementedError

    def _app_options(self) -> Dict[str, Any]:
        if self.ssl_context is None:
            return {}
        return {"trusted_proxies": ["unix"]}  # for the address of the client, by the PROXY protocol

    def _threads(self) -> int:
        """How many threads controllers may have; 0 for the event loop of the calling thread."""
        return self.max_workers

    def _options(self) -> Dict[str, Any]:
        """The settings of the engine's server."""
        options: Dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "keep_alive": self.keep_alive,
            "keep_alive_max_requests": self.keep_alive_max_request or 0,
            "idle_timeout": self.connection_idle_time,
            "drain_deadline": self.drain_deadline,
        }
        if self.certfile:
            options["tls"] = (self.certfile, self.keyfile, self.keypass)
        if "queue" in self.limits:
            options["queue"] = self.limits["queue"]
        return options


class ThreadingHTTPServer(SocketServer):
    """A server whose controllers run on threads; each of them has an event loop for those that are ``async def``."""

    def _announce(self, serving: "Union[Serving, Workers]") -> None:
        _logger.info(f"Start server in threading mixed mode, listen to port {serving.port}")

    def _run(self, serving: Serving) -> None:
        serving.run()


class CoroutineHTTPServer(SocketServer):
    """A server whose controllers all run on one event loop."""

    def _announce(self, serving: "Union[Serving, Workers]") -> None:
        _logger.info(f"Start server in corouting mode, listen to port: {serving.port}")

    def _run(self, serving: Serving) -> None:
        serving.run_in_loop()

    def _threads(self) -> int:
        return 0


class HttpServer:
    """A server for one configuration. See :func:`simple_http_server.server.start` for the options.

    In the mode of threads the port is bound here, in that of coroutines when the server is started; in either case
    everything that was declared has been checked before.

    :param host: the address and the port.
    :param prefer_corountine: whether controllers run on an event loop (spelled so).
    :param max_workers: how many threads controllers may have, 50 if it is ``None``.
    """

    def __init__(
        self,
        host: Tuple[str, int] = ("", 9090),
        ssl: bool = False,
        ssl_protocol: int = PROTOCOL_TLS_SERVER,
        ssl_check_hostname: bool = False,
        keyfile: str = "",
        certfile: str = "",
        keypass: str = "",
        ssl_context: "Optional[SSLContext]" = None,
        resources: Mapping[str, str] = {},
        prefer_corountine: bool = False,
        max_workers: Optional[int] = None,
        connection_idle_time: Optional[Union[int, float]] = None,
        keep_alive: bool = True,
        keep_alive_max_request: Optional[int] = None,
        gzip_content_types: Iterable[str] = frozenset(),
        gzip_compress_level: int = 9,
        app_conf: Optional[AppConf] = None,
        *,
        workers: int = 1,
        limits: Optional[Mapping[str, Any]] = None,
        drain_deadline: float = DEFAULT_DRAIN_DEADLINE,
        expose_errors: bool = True,
        compatible: bool = True,
        websocket_origins: Optional[Iterable[str]] = None,
    ) -> None:
        self.host = host
        self.ssl = ssl
        self.ssl_ctx = ssl_context if ssl else None
        if ssl and ssl_context is None:
            self.ssl_ctx = _tls_context(ssl_protocol, ssl_check_hostname, keyfile, certfile, keypass)
        conf = _chosen_app_conf(app_conf)
        kind = CoroutineHTTPServer if prefer_corountine else ThreadingHTTPServer
        self.server: SocketServer = kind(
            host[0],
            host[1],
            resources,
            conf.model_binding_conf,
            max_workers,
            workers=workers,
            drain_deadline=drain_deadline,
        )
        if ssl_context is not None and ssl:
            self.server.ssl_context = ssl_context
        elif ssl:
            self.server.keyfile, self.server.certfile, self.server.keypass = keyfile, certfile, keypass
        self.server.gzip_content_types = gzip_content_types
        self.server.gzip_compress_level = gzip_compress_level
        self.server.keep_alive = keep_alive
        self.server.connection_idle_time = connection_idle_time
        self.server.keep_alive_max_request = keep_alive_max_request
        self.server.limits = limits or {}
        self.server.expose_errors = expose_errors
        self.server.compatible = compatible
        self.server.websocket_origins = websocket_origins
        self.server.map_app_conf(conf)
        if not prefer_corountine:
            self.server.bind()

    @property
    def ready(self) -> bool:
        """Whether it accepts connections."""
        return self.server.ready

    def resources(self, res: Mapping[str, str] = {}) -> None:
        """Puts these directories of static files in the place of those that there are, also while it runs."""
        self.server.res_conf = res
        self.server.declarations_changed()

    def map_filter(self, declared: FilterDeclaration) -> None:
        self.server.map_filter(declared)
        self.server.declarations_changed()

    def map_controller(self, mapping: ControllerFunction) -> None:
        self.server.map_controller(mapping)
        self.server.declarations_changed()

    def map_websocket_handler(self, handler: WebsocketHandlerClass) -> None:
        self.server.map_websocket_handler(handler)
        self.server.declarations_changed()

    def map_error_page(self, code: str, error_page: Callable[..., Any]) -> None:
        self.server.map_error_page(code, error_page)
        self.server.declarations_changed()

    def start(self) -> None:
        """Serves until the server is stopped."""
        self.server.start()

    async def start_async(self) -> None:
        """Serves until the server is stopped, while the event loop of the caller goes on."""
        await self.server.start_async()

    def shutdown(self) -> None:
        """Stops the server; returns at once."""
        self.server.shutdown()


def _tls_context(
    protocol: int, check_hostname: bool, keyfile: str, certfile: str, keypass: str
) -> "SSLContext":
    """Loads key and certificate, whose faults are found here, before any port is bound."""
    import ssl

    if not keyfile or not certfile:
        raise AssertionError("keyfile and certfile should be provided. ")
    for path in (certfile, keyfile):
        with open(path, "rb"):
            pass  # an error of `ssl` does not say which file there isn't
    if check_hostname:
        _logger.warning("ssl_check_hostname is ignored: a server has no host name to check. See ssl_context.")
    context = ssl.SSLContext(protocol)
    try:
        context.load_cert_chain(certfile=certfile, keyfile=keyfile, password=keypass)
    except ssl.SSLError as error:
        text = f"The certificate {certfile} can't be used with the key {keyfile}: {error.strerror or error}"
        raise ssl.SSLError(error.errno, text) from error
    return context


def _warn_of_slow_tls() -> None:
    """Once in a process."""
    global _has_warned_of_slow_tls
    if not _has_warned_of_slow_tls:
        _has_warned_of_slow_tls = True
        _logger.warning(
            "ssl_context is honoured by Python's own TLS in front of the engine, which is slower than the engine's: "
            "keyfile and certfile need none."
        )


_has_warned_of_slow_tls = False


class HostedProxy(RoutingServer):
    """An application inside the server of somebody else."""

    _is_the_server = False

    def __init__(
        self,
        res_conf: Optional[Mapping[str, str]] = None,
        model_binding_conf: Optional[ModelBindingConf] = None,
    ) -> None:
        super().__init__(res_conf, model_binding_conf)
        self._app: Optional[_engine.App] = None

    def build(self) -> "_engine.App":
        """Checks what was declared; what is declared after that is not seen."""
        if self._app is None:
            app = self._build_app()
            app.build()
            self._app = app
        return self._app


class WSGIProxy(HostedProxy):
    """An application for a WSGI server, see :func:`simple_http_server.server.init_wsgi_proxy`."""

    def app_proxy(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application. Call it where no event loop runs."""
        from ._wsgi import answer

        return answer(self._app or self.build(), environ, start_response)

    async def async_app_proxy(
        self, environ: Dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """The same, for callers whose thread runs an event loop."""
        from ._wsgi import answer_async

        return await answer_async(self._app or self.build(), environ, start_response)


class ASGIProxy(HostedProxy):
    """An application for an ASGI server, see :func:`simple_http_server.server.init_asgi_proxy`."""

    async def app_proxy(
        self,
        scope: Dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """The ASGI application, for HTTP, WebSocket and lifespan."""
        from ._asgi import answer

        await answer(self._app or self.build(), scope, receive, send)
