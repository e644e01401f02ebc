"""A server of the engine, run in the ways of Python: blocking a thread, or beside others in an event loop."""

import atexit
import contextlib
import os
import select
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Mapping, Optional, cast

from . import _signals
from ._event_loop import run_until_done
from .logger import get_logger

if TYPE_CHECKING:
    import asyncio

    from . import _engine
    from ._tls_front import TlsFront

_logger = get_logger("simple_http_server.server")

_LOOK = 0.05
"""Seconds after which somebody who waits looks whether he should not any more."""

_LAST_WORDS = 1.0
"""Seconds that coroutines which are cancelled at the end have for their ``finally``."""


class Serving:
    """A bound port, and what serves it, once.

    :param app: the declarations.
    :param options: settings of the server.
    :param threads: how many threads controllers may have; 0 for the event loop that it is run in.
    :param drain_deadline: seconds that requests have to end once it stops.
    :param front: what speaks TLS in front of the engine.
    """

    def __init__(
        self,
        app: "_engine.App",
        options: Mapping[str, Any],
        threads: int,
        drain_deadline: float,
        front: "Optional[TlsFront]" = None,
    ) -> None:
        from . import _engine

        self._server = _engine.Server(app, dict(options), threads)
        self._drain_deadline = drain_deadline
        self._front = front
        self._owns_loop = False
        """Whether nothing runs in the event loop but what belongs to this."""
        self._unstarted = threading.Lock()
        """Held from the start on, and never released."""
        self._ended = threading.Event()
        self._error: Optional[BaseException] = None
        self._stopped_at: Optional[float] = None
        self._is_cut = False
        self._loop_thread: Optional[int] = None
        self.when_begun: Callable[[], None] = lambda: None
        """Called when it serves."""
        if not _servings:
            # after what writes the engine's log, and so called before it
            atexit.unregister(_end_all)
            atexit.register(_end_all)
        _servings.add(self)

    @property
    def ready(self) -> bool:
        return self._server.is_ready

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def port(self) -> int:
        if self._front is not None:
            return self._front.port
        address = self._server.address
        return address[1] if address else 0

    def replace_app(self, app: "_engine.App") -> None:
        """Answers the requests that come from now on by other declarations."""
        self._server.replace(app)

    def stop(self, deadline: Optional[float] = None) -> None:
        """Ends: what runs may go on until the deadline. Returns at once, and may be called from any thread."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        if deadline is not None:
            self._drain_deadline = min(self._drain_deadline, deadline)
            self._is_cut = self._is_cut or deadline <= 0
        if self._front is not None:
            self._front.stop_listening()
        self._server.stop(deadline)

    def run(self) -> None:
        """Serves until it is stopped; SIGINT and SIGTERM stop it, where nobody else has claimed them.

        :raises RuntimeError: where it has been started before.
        """
        self._claim()
        with _signals.claimed(), _signals.stopped_by_signals(self):
            self._begin(self._end)
            interrupted = self._wait()
            left = self._close(0)
            while left and self._patience() > 0:
                left = self._close(min(self._patience(), _LOOK))
            self._conclude(left)
            interrupted = _signals.interruption() or interrupted
        self._raise(interrupted)

    def _wait(self) -> Optional[BaseException]:
        """Waits for the end; what the handler of a signal, one of the application's own, has raised meanwhile."""
        interrupted: Optional[BaseException] = None
        while not self._ended.is_set():
            try:
                self._wait_or_wake()
            except BaseException as error:
                self.stop(None if interrupted is None else 0)
                interrupted = error
        return interrupted

    def _wait_or_wake(self) -> None:
        descriptor = _signals.waker()
        if descriptor is None:
            # in the main thread only where somebody else is woken by signals
            self._ended.wait(None if threading.current_thread() is not threading.main_thread() else _LOOK)
        else:
            waiting = select.poll()  # `select.select` knows no descriptors above 1023
            waiting.register(descriptor, select.POLLIN)
            waiting.poll()
            _signals.has_woken()

    async def run_async(self) -> None:
        """Serves until it is stopped, or the task is cancelled; cancelled again, it cuts what still runs.

        :raises RuntimeError: where it has been started before.
        """
        import asyncio

        self._claim()
        loop = asyncio.get_running_loop()
        with _signals.claimed(), _signals.stopped_by_signals(self), _signals.heard_in(loop):
            with self._attached(loop):
                cancelled = await self._serve(loop)
                cancelled = await self._drain() or cancelled
            interrupted = _signals.interruption()
        self._raise(interrupted or cancelled)

    @contextlib.contextmanager
    def _attached(self, loop: "asyncio.AbstractEventLoop") -> Iterator[None]:
        """Has controllers run in this loop, the calling thread's, within the block."""
        self._loop_thread = threading.get_ident()
        try:
            self._server.attach_loop(loop)
            yield
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._server.detach_loop()
            self._loop_thread = None

    async def _serve(self, loop: "asyncio.AbstractEventLoop") -> "Optional[asyncio.CancelledError]":
        """Begins, and waits for the end; what this was cancelled by meanwhile."""
        import asyncio

        ended, has_heard = asyncio.Event(), threading.Event()
        thread = threading.get_ident()

        def hear() -> None:
            ended.set()
            has_heard.set()

        def end(error: Optional[BaseException]) -> None:
            self._end(error)
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                loop.call_soon_threadsafe(hear)
                # what blocks the loop from now on has no client any more, and no time
                while self._owns_loop and threading.get_ident() != thread and not has_heard.wait(_LAST_WORDS):
                    _signals.interrupt_loop(thread)
                    loop.call_soon_threadsafe(hear)

        self._begin(end)
        cancelled: Optional[asyncio.CancelledError] = None
        while not ended.is_set():
            try:
                await ended.wait()
            except asyncio.CancelledError as error:
                self.stop(None if cancelled is None else 0)
                cancelled = error
        return cancelled

    async def _drain(self) -> "Optional[asyncio.CancelledError]":
        """Ends the controllers that still run; what this was cancelled by meanwhile."""
        import asyncio

        cancelled = await _cancel(self._server.detach_loop())
        left = self._close(0)
        while left and self._patience() > 0:
            try:
                await asyncio.sleep(_LOOK)
            except asyncio.CancelledError as error:
                cancelled = error
                break
            left = self._close(0)
        self._conclude(left)
        return cancelled

    def run_in_loop(self) -> None:
        """Serves until it is stopped, in an event loop of its own.

        ``asyncio.run`` would wait at the end for the threads that controllers have left work to, however long it takes.
        """
        import asyncio

        loop = asyncio.new_event_loop()
        self._owns_loop = True
        with _signals.claimed():
            try:
                asyncio.set_event_loop(loop)
                serving = loop.create_task(self.run_async())
                run_until_done(loop, serving)
                serving.result()
            finally:
                try:
                    # after an exception of a signal's handler it still serves; then what a controller has left running
                    loop.run_until_complete(_cancel([serving], None))
                    loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
                    loop.run_until_complete(loop.shutdown_asyncgens())
                finally:
                    asyncio.set_event_loop(None)
                    loop.close()

    def _claim(self) -> None:
        """Takes the one start that there is."""
        if not self._unstarted.acquire(blocking=False):
            raise RuntimeError("this server has been started before")

    def _begin(self, ended: Any) -> None:
        try:
            if self._front is not None:
                self._front.start()
            self._server.start(ended)
        except BaseException:
            self.stop(0)
            if self._front is not None:
                self._front.close()
            self._ended.set()
            raise
        self.when_begun()

    def _raise(self, interrupted: Optional[BaseException]) -> None:
        """Raises what has ended this, if it was an exception."""
        error = interrupted or self._error
        if error is not None:
            raise error

    def _end(self, error: Optional[BaseException]) -> None:
        self._error = error
        self._ended.set()
        _signals.wake()

    def _close(self, patience: float) -> List[int]:
        """Ends the threads of controllers; those that work after this time."""
        return self._server.close(patience)

    def _patience(self) -> float:
        """Seconds that controllers have whose clients don't wait for them any more."""
        began = self._stopped_at
        if self._is_cut or began is None:
            return 0.0
        return began + self._drain_deadline - time.monotonic()

    def _conclude(self, left: List[int]) -> None:
        if self._front is not None:
            self._front.close()
        if left:
            _left_behind.append(self)
            _logger.warning(
                f"{len(left)} controllers have not ended by the deadline; their threads are left behind."
            )

    def _end_with_interpreter(self) -> None:
        """The interpreter ends: nobody may be within it when it is gone."""
        if not self._ended.is_set():
            self.stop(0)
            if self._server.is_ready:
                self._ended.wait(_LAST_WORDS)
        left = self._close(_LOOK)
        if self._loop_thread not in (None, threading.get_ident()) and not self._leaves_loop():
            left.append(cast(int, self._loop_thread))
        if left:
            _interrupt(left)
            self._close(_LAST_WORDS)
            self._leaves_loop()

    def _leaves_loop(self) -> bool:
        """Whether the event loop of another thread is left, soon."""
        end = time.monotonic() + _LAST_WORDS
        while self._loop_thread is not None and time.monotonic() < end:
            time.sleep(_LOOK / 10)
        return self._loop_thread is None


async def _cancel(
    tasks: "Iterable[asyncio.Task[Any]]", patience: Optional[float] = _LAST_WORDS
) -> "Optional[asyncio.CancelledError]":
    """Cancels the coroutines that have not ended, and lets them end; what this itself was cancelled by meanwhile."""
    import asyncio

    waiting = [task for task in tasks if not task.done()]
    for task in waiting:
        task.cancel()
    if waiting:
        try:
            await asyncio.wait(waiting, timeout=patience)
        except asyncio.CancelledError as error:
            return error
    return None


def _interrupt(threads: Iterable[int]) -> None:
    """Ends controllers that work without end. Python's own way to end such a thread goes through native code, and would
    end the process by a signal."""
    for thread in threads:
        _signals.interrupt_thread(thread, _signals.InterpreterEnds)


_servings: "weakref.WeakSet[Serving]" = weakref.WeakSet()

_left_behind: List[Serving] = []
"""Those whose controllers have not ended."""

# they are those of the parent, who ends them
os.register_at_fork(after_in_child=_servings.clear)


def _end_all() -> None:
    for serving in list(_servings):
        serving._end_with_interpreter()
