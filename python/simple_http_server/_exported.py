"""Modules of applications in Rust, which ``vernal_python::export!`` makes."""

import sys
import threading
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, List, Optional, Union

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
        self, app: "_engine.RustApp", host: str, port: int, workers: int, given: Dict[str, Any]
    ) -> None:
        super().__init__(
            host, port, workers=workers, drain_deadline=given.get("drain_deadline", DEFAULT_DRAIN_DEADLINE)
        )
        self._rust_app = app
        self._given = given

    def _build_app(self) -> "_engine.App":
        return whole(self._rust_app)

    def _options(self) -> Dict[str, Any]:
        return {"host": self.host, "port": self.port, **self._given}

    def _threads(self) -> int:
        return 1  # which is never started: nothing is called that is Python's

    def _announce(self, serving: Any) -> None:
        _logger.info(f"Start server of an application in Rust, listen to port {serving.port}")


class _Servers:
    """The servers of a module that run."""

    def __init__(self, app: "_engine.RustApp") -> None:
        self._app = app
        self._running: List[_RustServer] = []
        self._lock = threading.Lock()

    def add(self, host: str, port: int, workers: int, given: Dict[str, Any]) -> _RustServer:
        server = _RustServer(self._app, host, port, workers, given)
        with self._lock:
            self._running.append(server)
        return server

    def remove(self, server: _RustServer) -> None:
        with self._lock:
            self._running.remove(server)

    def stop(self) -> None:
        with self._lock:
            running = list(self._running)
        for server in running:
            server.shutdown()


def functions(app: "_engine.RustApp", module: str) -> Dict[str, Callable[..., Any]]:
    """The functions of the module of an application."""
    servers = _Servers(app)
    hosted = whole(app)

    def start(
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
        given = _given(
            keyfile,
            certfile,
            keypass,
            connection_idle_time,
            keep_alive,
            keep_alive_max_request,
            drain_deadline,
        )
        server = servers.add(host, port, workers, given)
        try:
            server.start()
        finally:
            servers.remove(server)

    async def start_async(
        host: str = "",
        port: int = 9090,
        *,
        keyfile: str = "",
        certfile: str = "",
        keypass: str = "",
        connection_idle_time: Optional[Union[int, float]] = None,
        keep_alive: Optional[bool] = None,
        keep_alive_max_request: Optional[int] = None,
        drain_deadline: Optional[float] = None,
    ) -> None:
        """Serves from within an event loop, which goes on meanwhile; the options are those of ``start``.

        Cancelling the task stops the server.
        """
        given = _given(
            keyfile,
            certfile,
            keypass,
            connection_idle_time,
            keep_alive,
            keep_alive_max_request,
            drain_deadline,
        )
        server = servers.add(host, port, 1, given)
        try:
            await server.start_async()
        finally:
            servers.remove(server)

    def stop() -> None:
        """Stops the servers that ``start`` and ``start_async`` of this module run. Returns at once."""
        servers.stop()

    def wsgi(environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The application for a WSGI server."""
        from ._wsgi import answer

        return answer(hosted, environ, start_response)

    async def asgi(
        scope: Dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """The application for an ASGI server: HTTP and lifespan."""
        from ._asgi import answer

        await answer(hosted, scope, receive, send)

    made: Dict[str, Callable[..., Any]] = {}
    for function in (start, start_async, stop, wsgi, asgi):
        function.__module__, function.__qualname__ = _public_name(module), function.__name__
        made[function.__name__] = function
    return made


def _given(
    keyfile: str,
    certfile: str,
    keypass: str,
    connection_idle_time: Optional[Union[int, float]],
    keep_alive: Optional[bool],
    keep_alive_max_request: Optional[int],
    drain_deadline: Optional[float],
) -> Dict[str, Any]:
    """The settings that are given, by the engine's names."""
    settings = {
        "tls": (certfile, keyfile, keypass) if certfile else None,
        "idle_timeout": connection_idle_time,
        "keep_alive": keep_alive,
        "keep_alive_max_requests": keep_alive_max_request,
        "drain_deadline": drain_deadline,
    }
    return {name: value for name, value in settings.items() if value is not None}
