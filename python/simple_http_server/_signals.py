"""SIGINT and SIGTERM stop the servers of this process, at whatever moment they come; a second one cuts what runs."""

import contextlib
import signal
import threading
from types import FrameType
from typing import Any, Dict, Iterator, List, Optional, Protocol

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


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


_state = _State()


@contextlib.contextmanager
def claimed() -> Iterator[None]:
    """Has signals heard within the block, where nobody else has claimed them; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if _state.claims == 0:
        _state.heard = 0
    _state.claims += 1
    for number in _NUMBERS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            _state.before.setdefault(number, signal.getsignal(number))
            signal.signal(number, _hear)
    try:
        yield
    finally:
        _state.claims -= 1
        if _state.claims == 0:
            _release()


def _release() -> None:
    for number, handler in _state.before.items():
        if signal.getsignal(number) is _hear:
            signal.signal(number, handler)
    _state.before.clear()


@contextlib.contextmanager
def stopped_by_signals(stoppable: Stoppable) -> Iterator[None]:
    """Stops this at a signal within the block, and at once where one has been heard while it was about to start."""
    _state.stoppable.append(stoppable)
    try:
        if _state.claims and _state.heard:
            stoppable.stop()
        yield
    finally:
        _state.stoppable.remove(stoppable)


def become_worker() -> None:
    """For a process that has just been forked: its parent says when it ends, by SIGTERM, and hears SIGINT for all."""
    global _state
    _state = _State()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _hear)
    _state.claims = 1


def _hear(number: int, frame: Optional[FrameType]) -> None:
    _state.heard += 1
    for stoppable in list(_state.stoppable):
        stoppable.stop(0 if _state.heard > 1 else None)
