"""A server of the engine, run in the ways of Python: blocking a thread, or beside others in an event loop."""

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any, Mapping, Optional

if TYPE_CHECKING:
    from . import _engine


class Serving:
    """A bound port, and what serves it.

    :param app: the declarations.
    :param options: settings of the server.
    :param threads: how many threads controllers may have; 0 for the event loop of the calling thread.
    """

    def __init__(self, app: "_engine.App", options: Mapping[str, Any], threads: int) -> None:
        from . import _engine

        self._server = _engine.Server(app, dict(options), threads)
        self._ended = threading.Event()
        self._error: Optional[BaseException] = None

    @property
    def ready(self) -> bool:
        return self._server.is_ready

    @property
    def port(self) -> int:
        address = self._server.address
        return address[1] if address else 0

    def stop(self, deadline: Optional[float] = None) -> None:
        """Ends: what runs may go on until the deadline. Returns at once, and may be called from any thread."""
        self._server.stop(deadline)

    def run(self) -> None:
        """Serves until it is stopped; SIGINT and SIGTERM stop it, where nobody else has claimed them."""
        with _Signals(self):
            self._server.start(self._end)
            self._ended.wait()
        if self._error is not None:
            raise self._error

    async def run_async(self) -> None:
        """Serves until it is stopped, or the task is cancelled."""
        import asyncio

        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def end(error: Optional[BaseException]) -> None:
            self._error = error
            self._ended.set()
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        self._server.start(end)
        try:
            await ended.wait()
        except asyncio.CancelledError:
            self.stop()
            await ended.wait()
            raise
        finally:
            for task in self._server.detach_loop():
                task.cancel()
        if self._error is not None:
            raise self._error

    def _end(self, error: Optional[BaseException]) -> None:
        self._error = error
        self._ended.set()


class _Signals:
    """Stops a server at SIGINT and SIGTERM, at once when there comes a second one.

    Handlers are put in place in the main thread alone, and only for signals that have none but Python's own.
    """

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._before: dict[int, Any] = {}
        self._heard = False

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                self._before[number] = signal.signal(number, self._hear)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: Any) -> None:
        self._serving.stop(0 if self._heard else None)
        self._heard = True
