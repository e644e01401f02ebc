"""Modules of applications in Rust, which ``vernal_python::export!`` makes."""

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, Iterator, List, Optional, Union

from ._location import ConfigurationError
from .http_server import DEFAULT_DRAIN_DEADLINE, ThreadingHTTPServer
from .logger import get_logger

if TYPE_CHECKING:
    from . import _engine

_logger = get_logger("simple_http_server.exported")

ENGINE_VERSION = "0.1.0"
"""The version of the engine that these sources are for."""

_ENGINE = f"{__package__}._engine"


def adopt_engine(engine: Any, module: str) -> None:
    """Makes the engine that the library of a module has the one of this process.

    :raises ImportError: where there is another one already, or where it is another version.
    """
    loaded = sys.modules.get(_ENGINE)
    if loaded is engine:
        return
    module = _public_name(module)
    if loaded is not None:
        raise ImportError(
            f"{module} brings its own engine, and another one has been loaded before: import {module} before the "
            "first server or proxy is made, and no second module of its kind."
        )
    if engine.version != ENGINE_VERSION:
        raise ImportError(
            f"{module} is built with version {engine.version} of vernal-python, and simple_http_server needs "
            f"{ENGINE_VERSION}: build it again with the same version."
        )
    sys.modules[_ENGINE] = engine
    setattr(sys.modules[__package__], "_engine", engine)  # noqa: B010 - the name is a module to a type checker


def _public_name(module: str) -> str:
    """What users import: maturin makes a package of a module, which has a module of the same name."""
    package, _, name = module.rpartition(".")
    return package if package.rpartition(".")[2] == name else module


def rust_app(module: Any) -> "_engine.RustApp":
    """The application that a module is.

    :raises ConfigurationError: where it is none.
    """
    app: Any = getattr(module, "app", None)
    engine = sys.modules.get(_ENGINE)
    if engine is None or not isinstance(app, engine.RustApp):
        name = getattr(module, "__name__", repr(module))
        raise ConfigurationError(
            f"{name} can't be mounted: it is no module that vernal_python::export! has made."
        )
    found: _engine.RustApp = app
    return found


def whole(app: "_engine.RustApp") -> "_engine.App":
    """An application that is all Rust."""
    from . import _engine, _engine_log  # noqa: F401 - the second connects the engine's log

    made = _engine.App(None, "", False, {})
    made.mount("", app, False)
    return made


class _RustServer(ThreadingHTTPServer):
    """A server of an application that is all Rust, with the settings that it has itself, but for those given here."""

    def __init__(
        self,
        app: "_engine.RustApp",
        host: str = "",
        port: int = 9090,
        *,
        keyfile: str = "",
        certfile: str = "",
        keypass: str = "",
        connection_idle_time: Optional[Union[int, float]] = None,
        keep_alive: Optional[bool] = None,
        keep_alive_max_request: Optional[int] = None,
        workers: int = 1,
        drain_deadline: Optional[float] = None,
    ) -> None:
        deadline = DEFAULT_DRAIN_DEADLINE if drain_deadline is None else drain_deadline
        super().__init__(host, port, workers=workers, drain_deadline=deadline)
        self._rust_app = app
        self._given = {
            "tls": (certfile, keyfile, keypass) if certfile else None,
            "idle_timeout": connection_idle_time,
            "keep_alive": keep_alive,
            "keep_alive_max_requests": keep_alive_max_request,
            "drain_deadline": drain_deadline,
        }

    def _build_app(self) -> "_engine.App":
        return whole(self._rust_app)

    def _options(self) -> Dict[str, Any]:
        given = {name: value for name, value in self._given.items() if value is not None}
        return {"host": self.host, "port": self.port, **given}

    def _threads(self) -> int:
        return 1  # which is never started: nothing is called that is Python's

    def _announce(self, serving: Any) -> None:
        _logger.info(f"Start server of an application in Rust, listen to port {serving.port}")


class _Module:
    """What the module of an application in Rust has beside it; its public methods are the module's functions."""

    def __init__(self, app: "_engine.RustApp") -> None:
        self._app = app
        self._hosted = whole(app)
        self._running: List[_RustServer] = []
        self._lock = threading.Lock()

    def start(self, host: str = "", port: int = 9090, **options: Any) -> None:
        """Serves the application until ``stop`` is called or SIGINT or SIGTERM comes.

        What is not given is as the application itself says.

        :param host: the address; all of them where it is empty.
        :param port: the port; 0 for any that is free.
        :param keyfile: the file of the private key, for TLS.
        :param certfile: the file of the certificate, and of those that stand behind it.
        :param keypass: the password of the key.
        :param connection_idle_time: seconds for which a connection may wait for a request.
        :param keep_alive: whether a connection may have more than one request.
        :param keep_alive_max_request: how many it may have.
        :param workers: how many processes serve the port.
        :param drain_deadline: seconds that requests have to end once the server stops.
        :raises ValueError: where something is wrong with what the application declares.
        :raises OSError: where the port can't be bound, or a file can't be read.
        """
        with self._server(host, port, options) as server:
            server.start()

    async def start_async(self, host: str = "", port: int = 9090, **options: Any) -> None:
        """Serves from within an event loop, which goes on meanwhile; the options are those of ``start``, without
        ``workers``.

        Cancelling the task stops the server.
        """
        with self._server(host, port, options) as server:
            await server.start_async()

    def stop(self) -> None:
        """Stops the servers that ``start`` and ``start_async`` of this module run. Returns at once."""
        with self._lock:
            running = list(self._running)
        for server in running:
            server.shutdown()

    def wsgi(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The application for a WSGI server."""
        from ._wsgi import answer

        return answer(self._hosted, environ, start_response)

    async def asgi(
        self,
        scope: Dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """The application for an ASGI server: HTTP and lifespan."""
        from ._asgi import answer

        await answer(self._hosted, scope, receive, send)

    @contextlib.contextmanager
    def _server(self, host: str, port: int, options: Dict[str, Any]) -> Iterator[_RustServer]:
        """A server, which ``stop`` stops within the block."""
        server = _RustServer(self._app, host, port, **options)
        with self._lock:
            self._running.append(server)
        try:
            yield server
        finally:
            with self._lock:
                self._running.remove(server)


def functions(app: "_engine.RustApp") -> Dict[str, Callable[..., Any]]:
    """The functions of the module of an application."""
    module = _Module(app)
    return {
        function.__name__: function
        for function in (module.start, module.start_async, module.stop, module.wsgi, module.asgi)
    }
