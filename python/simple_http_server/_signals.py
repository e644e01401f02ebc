"""SIGINT and SIGTERM stop the servers of this process, at whatever moment they come; a second one cuts what runs.

Python calls handlers in the main thread between two steps of its code. A signal that comes just before that thread
begins to wait would not be heard until something else wakes it: so who waits there waits for :func:`waker`, too.
"""

import contextlib
import functools
import os
import selectors
import signal
import socket
import sys
import threading
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Protocol, Tuple, Type

if TYPE_CHECKING:
    import asyncio

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class InterpreterEnds(SystemExit):
    """Raised in the threads of controllers that work when the interpreter ends."""


class Overdue(SystemExit):
    """Raised in what keeps an event loop from its end, beyond the deadline."""


class Stoppable(Protocol):
    """What a signal stops."""

    def stop(self, deadline: Optional[float] = None) -> None: ...


class _State:
    """Handlers are Python's own until the first server of the main thread starts, and again after the last one."""

    def __init__(self) -> None:
        self.stoppable: List[Stoppable] = []
        self.before: Dict[int, Any] = {}
        self.claims = 0
        self.heard = 0
        self.interruption: Optional[BaseException] = None
        self.waker: Optional[Tuple[socket.socket, socket.socket]] = None
        self.heard_in = 0
        self.is_overdue = False


_state = _State()


@contextlib.contextmanager
def claimed() -> Iterator[None]:
    """Has signals heard within the block, where nobody else has claimed them; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    state = _state
    if state.claims == 0:
        state.heard = 0
        state.waker = _make_waker()
    state.claims += 1
    for number in _NUMBERS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            state.before.setdefault(number, signal.getsignal(number))
            signal.signal(number, _hear)
    try:
        yield
    finally:
        state.claims -= 1
        if state.claims == 0 and state is _state:  # not in a process that was forked within the block
            _release()


def _release() -> None:
    _give_back()
    _state.before.clear()
    if _state.waker is not None:
        for end in _state.waker:
            end.close()
        _state.waker = None


def _give_back() -> None:
    """Has signals mean what they meant before."""
    for number, handler in _state.before.items():
        if signal.getsignal(number) is _hear:
            signal.signal(number, handler)
    if _state.waker is not None:
        current = signal.set_wakeup_fd(-1)
        if current != _state.waker[1].fileno():
            # an event loop of the application's has put its own in the place of this one
            signal.set_wakeup_fd(current)


def _begin_anew() -> None:
    """For a process that has just been forked: it serves nothing yet, and whoever has forked it ends it by a signal."""
    global _state
    _give_back()
    for end in _state.waker or ():
        end.close()  # the other process has them still
    _state = _State()


os.register_at_fork(after_in_child=_begin_anew)


def _make_waker() -> Optional[Tuple[socket.socket, socket.socket]]:
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)
    former = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    if former == -1:
        return woken, wakes
    signal.set_wakeup_fd(former)  # somebody of the application's own is woken by signals
    woken.close()
    wakes.close()
    return None


def waker() -> Optional[int]:
    """What can be read from when a signal has come, or :func:`wake` was called; ``None`` in threads that hear none."""
    if _state.waker is None or threading.current_thread() is not threading.main_thread():
        return None
    return _state.waker[0].fileno()


def wake() -> None:
    """Wakes who waits for :func:`waker`, from any thread."""
    waking = _state.waker
    if waking is not None:
        with contextlib.suppress(OSError):  # full, or closed: nobody waits
            waking[1].send(b"!")


def has_woken() -> None:
    """To be called by who was woken."""
    if _state.waker is not None:
        with contextlib.suppress(BlockingIOError):
            while _state.waker[0].recv(4096):
                pass


@contextlib.contextmanager
def heard_in(loop: "asyncio.AbstractEventLoop") -> Iterator[None]:
    """Has this event loop, the calling thread's, woken by signals within the block; blocks may overlap."""
    descriptor = waker()
    if descriptor is None:
        yield
        return
    if _state.heard_in == 0:
        loop.add_reader(descriptor, has_woken)
    _state.heard_in += 1
    try:
        yield
    finally:
        _state.heard_in -= 1
        if _state.heard_in == 0:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.remove_reader(descriptor)


@contextlib.contextmanager
def stopped_by_signals(stoppable: Stoppable) -> Iterator[None]:
    """Stops this at a signal within the block, and at once where one has been heard while it was about to start."""
    state = _state
    state.stoppable.append(stoppable)
    try:
        if state.claims and state.heard:
            stoppable.stop()
        yield
    finally:
        state.stoppable.remove(stoppable)


def interrupt(error: BaseException, traceback: Optional[TracebackType]) -> bool:
    """Ends the servers by an exception that a signal's handler of the application has raised while a controller ran in
    the main thread; whether it is one. An exception that native code has caught does not know its traceback itself.
    """
    if not isinstance(error, (SystemExit, KeyboardInterrupt)) or not is_of_handler(error, traceback):
        return False
    _state.interruption = error
    for stoppable in list(_state.stoppable):
        stoppable.stop()
    return True


def is_of_handler(error: BaseException, traceback: Optional[TracebackType]) -> bool:
    """Whether an exception was raised by a signal's handler of the application."""
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    if isinstance(error, KeyboardInterrupt) and signal.default_int_handler in handlers:
        return threading.current_thread() is threading.main_thread()  # it has no code that could be seen
    codes = {_code(handler) for handler in handlers} - {None, _hear.__code__}
    while codes and traceback is not None:
        if traceback.tb_frame.f_code in codes:
            return True
        traceback = traceback.tb_next
    return False


def _code(handler: Any) -> Optional[CodeType]:
    """The code of a function, a method, a partial, or an object that can be called; ``None`` where
    that is not Python's.
    """
    while isinstance(handler, functools.partial):
        handler = handler.func
    if not hasattr(handler, "__code__"):
        handler = type(handler).__call__
    code: Optional[CodeType] = getattr(handler, "__code__", None)
    return code


def interruption() -> Optional[BaseException]:
    """The exception by which servers have been ended, once."""
    error, _state.interruption = _state.interruption, None
    return error


def become_worker() -> None:
    """For a process that has just been forked: its parent says when it ends, by SIGTERM, and hears SIGINT for all."""
    global _state
    signal.set_wakeup_fd(-1)
    _state = _State()
    _state.waker = _make_waker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _hear)
    _state.claims = 1


def interrupt_thread(thread: int, exception: Type[BaseException]) -> None:
    """Raises this in a thread, as soon as that comes back to code of Python."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(exception))


def interrupt_loop(thread: int) -> None:
    """Raises :class:`Overdue` in what keeps the event loop of this thread; in the main thread also out of a call that
    waits.
    """
    if application(sys._current_frames().get(thread)) is None:
        return
    is_main = thread == threading.main_thread().ident
    if is_main and signal.getsignal(signal.SIGTERM) is _hear:
        _state.is_overdue = True
        signal.pthread_kill(thread, signal.SIGTERM)
    else:
        interrupt_thread(thread, Overdue)


def _hear(number: int, frame: Optional[FrameType]) -> None:
    if _state.is_overdue and number == signal.SIGTERM:
        _state.is_overdue = False
        if application(frame) is not None:
            raise Overdue
        return
    _state.heard += 1
    for stoppable in list(_state.stoppable):
        stoppable.stop(0 if _state.heard > 1 else None)


def application(innermost: Optional[FrameType]) -> Optional[FrameType]:
    """The first function of the application that an event loop has called; ``None`` where the loop itself runs, or
    waits.
    """
    inside: List[FrameType] = []
    frame = innermost
    while frame is not None:
        if is_of_loop(frame):
            return inside[-1] if inside else None
        inside.append(frame)
        frame = frame.f_back
    return None  # another kind of loop runs this, and where it begins is not to be seen


def is_of_loop(frame: FrameType) -> bool:
    """Whether this is a part of an event loop, or of this package."""
    import asyncio

    folder = os.path.dirname(os.path.abspath(asyncio.__file__)) + os.sep
    return frame.f_code.co_filename.startswith((folder, _PACKAGE, selectors.__file__))
