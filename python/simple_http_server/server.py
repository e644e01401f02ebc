"""Starts and stops the server, finds controllers, and embeds the application into other servers."""

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Mapping, Optional, Union

from ._scan import scan
from ._signals import claimed
from .app_conf import AppConf, _chosen_app_conf, get_app_conf, set_session_factory
from .http_server import (
    DEFAULT_DRAIN_DEADLINE,
    PROTOCOL_TLS_SERVER,
    ASGIProxy,
    HostedProxy,
    HttpServer,
    WSGIProxy,
)
from .http_session_local import LocalSessionFactory
from .logger import get_logger
from .models.basic_models import SessionFactory
from .routing_server import RoutingServer

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = [
    "ASGIProxy",
    "AppConf",
    "HttpServer",
    "LocalSessionFactory",
    "RoutingServer",
    "SessionFactory",
    "WSGIProxy",
    "get_app_conf",
    "init_asgi_proxy",
    "init_wsgi_proxy",
    "is_ready",
    "scan",
    "set_session_factory",
    "start",
    "start_async",
    "stop",
]

_logger = get_logger("simple_http_server.server")

LONGEST_END = 5.0
"""Seconds by which a server may take longer to end than its deadline says, before another is started all the same."""

_server: Optional[HttpServer] = None
_running: "Optional[_Running]" = None
_server_lock = threading.RLock()


def start(
    host: str = "",
    port: int = 9090,
    ssl: bool = False,
    ssl_protocol: int = PROTOCOL_TLS_SERVER,
    ssl_check_hostname: bool = False,
    keyfile: str = "",
    certfile: str = "",
    keypass: str = "",
    ssl_context: "Optional[SSLContext]" = None,
    resources: Mapping[str, str] = {},
    connection_idle_time: Optional[Union[int, float]] = None,
    keep_alive: bool = True,
    keep_alive_max_request: Optional[int] = None,
    gzip_content_types: Iterable[str] = frozenset(),
    gzip_compress_level: int = 9,
    prefer_coroutine: bool = False,
    app_conf: Optional[AppConf] = None,
    *,
    max_workers: Optional[int] = None,
    workers: int = 1,
    limits: Optional[Mapping[str, Any]] = None,
    drain_deadline: float = DEFAULT_DRAIN_DEADLINE,
    expose_errors: bool = True,
    compatible: bool = True,
    websocket_origins: Optional[Iterable[str]] = None,
) -> None:
    """Serves what was declared until :func:`stop` is called or SIGINT or SIGTERM comes.

    A server that was started before by these functions is stopped first, and waited for: it may have the same port.

    :param host: the address; all of them where it is empty.
    :param port: the port; 0 for any that is free.
    :param ssl: whether to speak TLS, with ``keyfile`` and ``certfile``, or with ``ssl_context``.
    :param ssl_protocol: the argument of ``ssl.SSLContext``.
    :param ssl_check_hostname: ignored; a server has no host name to check.
    :param keyfile: the file of the private key.
    :param certfile: the file of the certificate, and of those that stand behind it.
    :param keypass: the password of the key.
    :param ssl_context: a context of your own, instead of all that; it is slower.
    :param resources: directories of static files by pattern: ``/prefix/*``, ``/prefix/**``, ``*.suffix``,
        ``**.suffix``.
    :param connection_idle_time: seconds for which a connection may wait for a request; 60 if ``None``.
    :param keep_alive: whether a connection may have more than one request.
    :param keep_alive_max_request: how many it may have; any number if ``None``.
    :param gzip_content_types: the content types that are compressed; a type may be given by its beginning.
    :param gzip_compress_level: 0 to 9.
    :param prefer_coroutine: whether controllers run on an event loop, in this thread, instead of on threads.
    :param app_conf: what is served; the default configuration if ``None``.
    :param max_workers: how many threads controllers may have; 50 if ``None``.
    :param workers: how many processes serve the port.
    :param limits: bounds of what a client may send, by name: ``{"body": 16 * 1024 * 1024}``; times are in seconds.
    :param drain_deadline: seconds that requests have to end once the server stops.
    :param expose_errors: whether the client is told the text of an exception that is no ``HttpError``.
    :param compatible: whether answers are as they always were where better ones would differ: a ``+`` in queries and
        forms stays a plus, ``Last-Modified`` is the time of the answer, headers that are no text are left out, what
        :meth:`Response.write_bytes` sends ends with the connection, ranges of static files are not answered, files
        whose names begin with a dot are served, compressed answers have no ``Vary``, the cookie of a session has
        ``expires`` alone, and answers to WebSocket handshakes have no fields of HTTP's. ``False`` turns each of these
        round.
    :param websocket_origins: the sites, beside the server's own, whose pages may open WebSockets, such as
        ``https://app.example``; those of all sites may if ``None``.
    :raises ConfigurationError: an ``AssertionError`` that names what is wrong: function, file and line.
    :raises OSError: where the port can't be bound, or a file can't be read.
    """
    with claimed():
        if former := _stop_former():
            former.wait()
        server = HttpServer(
            (host, port), ssl, ssl_protocol, ssl_check_hostname, keyfile, certfile, keypass, ssl_context, resources,
            prefer_coroutine, max_workers, connection_idle_time, keep_alive, keep_alive_max_request,
            gzip_content_types, gzip_compress_level, app_conf, workers=workers, limits=limits,
            drain_deadline=drain_deadline, expose_errors=expose_errors, compatible=compatible,
            websocket_origins=websocket_origins,
        )  # fmt: skip
        with _managed(server):
            server.start()


async def start_async(
    host: str = "",
    port: int = 9090,
    ssl: bool = False,
    ssl_protocol: int = PROTOCOL_TLS_SERVER,
    ssl_check_hostname: bool = False,
    keyfile: str = "",
    certfile: str = "",
    keypass: str = "",
    ssl_context: "Optional[SSLContext]" = None,
    resources: Mapping[str, str] = {},
    connection_idle_time: Optional[Union[int, float]] = None,
    keep_alive: bool = True,
    keep_alive_max_request: Optional[int] = None,
    gzip_content_types: Iterable[str] = frozenset(),
    gzip_compress_level: int = 9,
    prefer_coroutine: bool = True,
    app_conf: Optional[AppConf] = None,
    *,
    max_workers: Optional[int] = None,
    workers: int = 1,
    limits: Optional[Mapping[str, Any]] = None,
    drain_deadline: float = DEFAULT_DRAIN_DEADLINE,
    expose_errors: bool = True,
    compatible: bool = True,
    websocket_origins: Optional[Iterable[str]] = None,
) -> None:
    """Serves from within an event loop, which goes on meanwhile; the options are those of :func:`start`.

    Controllers run on that loop, or on threads if ``prefer_coroutine`` is false. Cancelling the task stops the server.
    """
    with claimed():
        await _former_has_ended()
        server = HttpServer(
            (host, port), ssl, ssl_protocol, ssl_check_hostname, keyfile, certfile, keypass, ssl_context, resources,
            prefer_coroutine, max_workers, connection_idle_time, keep_alive, keep_alive_max_request,
            gzip_content_types, gzip_compress_level, app_conf, workers=workers, limits=limits,
            drain_deadline=drain_deadline, expose_errors=expose_errors, compatible=compatible,
            websocket_origins=websocket_origins,
        )  # fmt: skip
        with _managed(server):
            await server.start_async()


class _Running:
    """A server that was started, and whether it has ended."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.ended = threading.Event()

    def wait(self) -> None:
        """Until its port is free: what runs there may go on until the deadline."""
        self.ended.wait(self.server.server.drain_deadline + LONGEST_END)


@contextlib.contextmanager
def _managed(server: HttpServer) -> Iterator[None]:
    """Makes this the server that :func:`stop` and :func:`is_ready` mean, as long as it runs."""
    global _server, _running
    running = _Running(server)
    with _server_lock:
        former, _server, _running = _server, server, running
    if former is not None:
        former.shutdown()
    try:
        yield
    finally:
        running.ended.set()
        with _server_lock:
            if _server is server:
                _server = None
            if _running is running:
                _running = None


def _stop_former() -> Optional[_Running]:
    """Stops the server that runs; returns it, or the one that was stopped before, to be waited for."""
    global _server
    with _server_lock:
        server, _server = _server, None
        running = _running
    if server is not None:
        server.shutdown()
    return running


async def _former_has_ended() -> None:
    former = _stop_former()
    if former is not None and not former.ended.is_set():
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, former.wait)


def stop() -> None:
    """Stops the server: it accepts no more, and requests may end until the deadline. Returns at once.

    It may be called from any thread, from a controller and from a signal's handler.
    """
    global _server
    with _server_lock:
        server, _server = _server, None
    if server is None:
        _logger.warning("Server is not ready yet.")
        return
    _logger.info("Shutting down server...")
    server.shutdown()


def is_ready() -> Optional[bool]:
    """Whether the server accepts connections; ``None`` where there is none."""
    server = _server
    return None if server is None else server.ready


def init_wsgi_proxy(
    resources: Mapping[str, str] = {},
    session_factory: Optional[SessionFactory] = None,
    app_conf: Optional[AppConf] = None,
    *,
    gzip_content_types: Iterable[str] = frozenset(),
    gzip_compress_level: int = 9,
    limits: Optional[Mapping[str, Any]] = None,
    expose_errors: bool = True,
    compatible: bool = True,
) -> WSGIProxy:
    """The application for a WSGI server: its ``app_proxy(environ, start_response)``.

    :param resources: directories of static files by pattern, see :func:`start`.
    :param session_factory: where sessions are; that of the configuration if ``None``.
    :param app_conf: what is served; the default configuration if ``None``.
    :param gzip_content_types: the beginnings of the content types that are compressed.
    :param gzip_compress_level: how much, 0 to 9.
    :param limits: bounds of what a client may send, see :func:`start`.
    :param expose_errors: whether the client is told the text of an exception that is no ``HttpError``.
    :param compatible: whether answers are as they always were where better ones would differ, see :func:`start`.
    """
    conf = _chosen_app_conf(app_conf)
    proxy = WSGIProxy(resources, conf.model_binding_conf)
    proxy.gzip_content_types = set(gzip_content_types)
    proxy.gzip_compress_level = gzip_compress_level
    _prepare(proxy, conf, session_factory, limits, expose_errors, compatible)
    return proxy


def init_asgi_proxy(
    resources: Mapping[str, str] = {},
    session_factory: Optional[SessionFactory] = None,
    app_conf: Optional[AppConf] = None,
    *,
    gzip_content_types: Iterable[str] = frozenset(),
    gzip_compress_level: int = 9,
    limits: Optional[Mapping[str, Any]] = None,
    expose_errors: bool = True,
    compatible: bool = True,
    websocket_origins: Optional[Iterable[str]] = None,
) -> ASGIProxy:
    """The application for an ASGI server: its ``app_proxy(scope, receive, send)``.

    The other parameters are those of :func:`init_wsgi_proxy`.

    :param websocket_origins: the sites, beside the server's own, whose pages may open WebSockets, see :func:`start`.
    """
    conf = _chosen_app_conf(app_conf)
    proxy = ASGIProxy(resources, conf.model_binding_conf)
    proxy.websocket_origins = websocket_origins
    proxy.gzip_content_types = set(gzip_content_types)
    proxy.gzip_compress_level = gzip_compress_level
    _prepare(proxy, conf, session_factory, limits, expose_errors, compatible)
    return proxy


def _prepare(
    proxy: HostedProxy,
    app_conf: AppConf,
    session_factory: Optional[SessionFactory],
    limits: Optional[Mapping[str, Any]],
    expose_errors: bool,
    compatible: bool,
) -> None:
    proxy.limits = limits or {}
    proxy.expose_errors = expose_errors
    proxy.compatible = compatible
    proxy.map_app_conf(app_conf)
    if session_factory is not None:
        proxy.session_factory = session_factory
    proxy.build()
