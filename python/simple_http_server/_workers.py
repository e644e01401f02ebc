"""Several processes that serve one port, and their parent, which has bound it."""

import contextlib
import os
import select
import signal
import struct
import sys
import threading
import time
import traceback
from collections import deque
from typing import Any, Callable, Deque, Dict, Optional, Set, Tuple

from . import _signals, logger
from ._serving import Serving

_logger = logger.get_logger("simple_http_server.server")

MOST_RESTARTS = 5
"""So many processes may be started in the place of others within :data:`WINDOW`, for each that there should be."""

WINDOW = 60.0
"""Seconds."""

LONGEST_END = 5.0
"""Seconds by which a process may take longer to end than its deadline says, before it is killed."""

_WORD = struct.Struct("!ii")
"""What the parent is told through a pipe: which process says it, and what. No word is ever read in pieces."""

_WAKE, _READY, _DONE = range(3)
"""Something has changed; the process accepts connections; it has served to the end."""

_LOOK = 0.2
"""Seconds after which the processes are looked at where the system can't say that one has ended, or one may be late."""


class Workers:
    """A bound port, and the processes that serve it.

    The parent serves nothing itself: it starts the processes, starts others in the place of those that die, hands on
    SIGINT and SIGTERM, and ends when all have ended. A process whose server is stopped from within ends all.

    :param serving: the port, which must not have been served yet.
    :param count: how many processes there are.
    :param run: serves in one of them.
    :param drain_deadline: seconds that requests have to end once the server stops.
    """

    def __init__(
        self, serving: Serving, count: int, run: Callable[[Serving], None], drain_deadline: float
    ) -> None:
        self._serving = serving
        self._count = count
        self._run = run
        self._drain_deadline = drain_deadline
        self._processes: Dict[int, Optional[int]] = {}
        self._restarts: Deque[float] = deque()
        self._ready: Set[int] = set()
        self._done: Set[int] = set()
        self._is_worker = False
        self._has_ended = threading.Event()
        self._wake: Optional[int] = None
        self._stopped_at: Optional[float] = None
        self._is_told = False
        self._is_cut = False
        self._failure: Optional[str] = None

    @property
    def ready(self) -> bool:
        """Whether all processes accept connections."""
        if self._is_worker:
            return self._serving.ready
        return self._stopped_at is None and len(self._ready) >= self._count

    @property
    def has_ended(self) -> bool:
        return self._has_ended.is_set()

    @property
    def port(self) -> int:
        return self._serving.port

    def replace_app(self, app: Any) -> None:
        """Answers by other declarations, in this process alone."""
        if not self._is_worker and self._processes:
            raise RuntimeError("The processes run already: declare before the server is started.")
        self._serving.replace_app(app)

    def stop(self, deadline: Optional[float] = None) -> None:
        """Ends all processes. Returns at once, and may be called from any thread, in each of the processes."""
        if self._is_worker:
            self._serving.stop(deadline)
            return
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        self._is_cut = self._is_cut or (deadline is not None and deadline <= 0)
        self._tell(_WAKE)

    def run(self) -> None:
        """Serves until all processes have ended."""
        woken, self._wake = os.pipe()
        for end in (woken, self._wake):
            os.set_blocking(end, False)
        interrupted: Optional[BaseException] = None
        try:
            with _signals.claimed(), _signals.stopped_by_signals(self):
                self._start_all(woken)
                while self._processes:
                    try:
                        self._supervise(woken)
                    except BaseException as error:
                        # the handler of a signal, one of the application's own, has raised it
                        self.stop(None if interrupted is None else 0)
                        interrupted = error
        finally:
            self._kill_all()
            self._serving.stop(0)
            self._has_ended.set()
            wake, self._wake = self._wake, None
            os.close(wake)
            os.close(woken)
        if interrupted is not None:
            raise interrupted
        if self._failure is not None:
            raise RuntimeError(self._failure)

    async def run_async(self) -> None:
        raise RuntimeError("workers are processes of their own: call start, not start_async.")

    def _start_all(self, woken: int) -> None:
        for _ in range(self._count):
            if self._stopped_at is None:
                self._start_one(woken)
        _logger.info(f"{self._count} processes serve the port. Sessions in memory are each process' own.")

    def _supervise(self, woken: int) -> None:
        while self._processes:
            if self._stopped_at is not None and (not self._is_told or self._is_cut):
                self._is_told = True
                # nobody connects to a port that nobody serves any more
                self._serving.stop()
                self._signal_all(signal.SIGTERM)
            self._wait(woken)
            self._reap(woken)
            if self._stopped_at is not None:
                late = time.monotonic() - self._stopped_at - self._drain_deadline
                if late > LONGEST_END:
                    _logger.error(f"{len(self._processes)} processes do not end: they are killed.")
                    self._kill_all()

    def _wait(self, woken: int) -> None:
        """Until a process has ended or this one is told something."""
        poll = select.poll()
        poll.register(woken, select.POLLIN)
        waker = _signals.waker()
        if waker is not None:
            poll.register(waker, select.POLLIN)
        can_say = waker is not None or threading.current_thread() is not threading.main_thread()
        for descriptor in self._processes.values():
            if descriptor is None:
                can_say = False
            else:
                poll.register(descriptor, select.POLLIN)
        poll.poll(None if can_say and self._stopped_at is None else _LOOK * 1000)
        _signals.has_woken()
        self._listen(woken)

    def _listen(self, woken: int) -> None:
        """Takes in what the processes have said of themselves."""
        with contextlib.suppress(BlockingIOError):
            for process, word in _WORD.iter_unpack(os.read(woken, 512 * _WORD.size)):
                if process in self._processes and word == _READY:
                    self._ready.add(process)
                elif process in self._processes and word == _DONE:
                    self._done.add(process)

    def _tell(self, word: int) -> None:
        if self._wake is not None:
            with contextlib.suppress(OSError):
                os.write(self._wake, _WORD.pack(os.getpid(), word))

    def _reap(self, woken: int) -> None:
        for process in list(self._processes):
            ended, status = _ended(process)
            if not ended:
                continue
            if status is None:
                self._listen(woken)
                status = 0 if process in self._done else None
            descriptor = self._processes.pop(process)
            if descriptor is not None:
                os.close(descriptor)
            self._ready.discard(process)
            self._done.discard(process)
            if self._stopped_at is not None:
                continue
            if status == 0:
                self.stop()  # whoever ended it meant the server
            else:
                self._replace(process, status, woken)

    def _replace(self, process: int, status: Optional[int], woken: int) -> None:
        now = time.monotonic()
        while self._restarts and now - self._restarts[0] > WINDOW:
            self._restarts.popleft()
        if len(self._restarts) >= MOST_RESTARTS * self._count:
            self._failure = f"Processes die too often, the last one by {_reason(status)}: the server ends."
            self.stop()
            return
        self._restarts.append(now)
        self._start_one(
            woken, f"This process is in the place of {process}, which ended by {_reason(status)}."
        )

    def _start_one(self, woken: int, message: str = "") -> None:
        """Starts a process. Signals wait meanwhile: what one of them stops differs between parent and child."""
        from . import _engine

        # what the engine has logged is on its way no more, and nobody holds what the child needs, too
        _engine.log_flush(1.0)
        logger.rest()
        parent = os.getpid()
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            process = os.fork()
            if process == 0:
                self._work(parent, woken, masked, message)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        self._processes[process] = _descriptor(process)

    def _work(self, parent: int, woken: int, masked: Any, message: str) -> None:
        """The life of a process; does not return."""
        status = 1
        from . import _engine

        try:
            _engine.die_with_parent()
            if os.getppid() != parent:
                os._exit(1)
            self._is_worker = True
            for descriptor in self._processes.values():
                if descriptor is not None:
                    os.close(descriptor)
            os.close(woken)
            _signals.become_worker()
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
            if message:
                _logger.warning(message)
            self._serving.when_begun = lambda: self._tell(_READY)
            self._run(self._serving)
            self._tell(_DONE)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                logger.flush()
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _signal_all(self, number: int) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def _kill_all(self) -> None:
        self._signal_all(signal.SIGKILL)
        for process, descriptor in self._processes.items():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)
            if descriptor is not None:
                os.close(descriptor)
        self._processes.clear()


def _descriptor(process: int) -> Optional[int]:
    """Something that can be waited for until the process ends; ``None`` where the system has no such thing."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def _ended(process: int) -> Tuple[bool, Optional[int]]:
    """Whether a process has ended, and its status; ``None`` where the system keeps none, since SIGCHLD is ignored."""
    try:
        ended, status = os.waitpid(process, os.WNOHANG)
    except ChildProcessError:
        return True, None
    return ended != 0, status


def _reason(status: Optional[int]) -> str:
    if status is None:
        return "a status that is unknown, since SIGCHLD is ignored"
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit status {os.WEXITSTATUS(status)}"
