"""The native part: everything between the sockets and the controllers."""

from ssl import SSLContext
from typing import Any, Awaitable, Callable, Iterable, Mapping, Sequence

from ._declarations import ErrorPage, Filter, Resource, Route, WebsocketEndpoint
from .models.basic_models import SessionFactory

class App:
    """An application: declared, then built, then served by a :class:`Server` or behind a host."""

    def __init__(
        self,
        *,
        session_factory: SessionFactory,
        gzip_content_types: Sequence[str],
        gzip_compress_level: int,
        keep_alive: bool,
        connection_idle_time: int | float,
        keep_alive_max_request: int | None,
        limits: Mapping[str, Any],
        expose_errors: bool,
    ) -> None: ...
    def route(self, route: Route) -> None: ...
    def filter(self, filter: Filter) -> None: ...
    def error_page(self, page: ErrorPage) -> None: ...
    def websocket(self, endpoint: WebsocketEndpoint) -> None: ...
    def resource(self, resource: Resource) -> None: ...
    def build(self) -> None: ...

class Server:
    """A port, and the application behind it."""

    def __init__(
        self,
        app: App,
        *,
        host: str,
        port: int,
        keyfile: str,
        certfile: str,
        keypass: str,
        ssl_context: SSLContext | None,
        max_workers: int,
        workers: int,
        drain_deadline: float,
    ) -> None: ...
    def bind(self) -> None:
        """Binds the port; what goes wrong is an ``OSError`` that names it."""

    def replace_app(self, app: App) -> None:
        """Answers further requests by this application."""

    def run_threads(self) -> None:
        """Serves, with controllers on threads, until it is stopped, or by SIGINT and SIGTERM."""

    def run_threads_async(self) -> Awaitable[None]:
        """The same for a caller in an event loop, which goes on meanwhile; cancelling it stops the server."""

    def run_event_loop(self) -> Awaitable[None]:
        """Serves, with controllers on the running event loop, until it is stopped; cancelling it stops the server."""

    def stop(self) -> None:
        """Stops the server, from any thread; returns at once. A second call cuts what is under way."""

    @property
    def ready(self) -> bool:
        """Whether it accepts connections."""

def wsgi(app: App, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]: ...
def wsgi_async(
    app: App, environ: Mapping[str, Any], start_response: Callable[..., Any]
) -> Awaitable[Iterable[bytes]]: ...
def asgi(
    app: App,
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> Awaitable[None]: ...
