"""What runs in an event loop beside others: it must neither end the loop nor keep it from the others."""

import contextvars
import os
import sys
import threading
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Coroutine, List, Optional, Tuple, TypeVar

from .logger import get_logger

if TYPE_CHECKING:
    import asyncio

_logger = get_logger("simple_http_server.http_request_handler")

Result = TypeVar("Result")

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Escaped(Exception):
    """Stands for its cause, which would have ended the event loop: ``SystemExit`` or ``KeyboardInterrupt``."""


def uncovered(
    error: BaseException, traceback: Optional[TracebackType]
) -> Tuple[BaseException, Optional[TracebackType]]:
    """An exception and its traceback; those of the one that it stands for, if it is an :class:`Escaped`."""
    if isinstance(error, Escaped) and error.__cause__ is not None:
        return error.__cause__, error.__cause__.__traceback__
    return error, traceback


async def contained(coroutine: "Coroutine[Any, Any, Result]") -> Result:
    """What the coroutine returns; where it raises what asyncio lets out of the loop, an :class:`Escaped`."""
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as error:
        raise Escaped from error


async def _nothing() -> None:
    pass


class Passage:
    """Runs coroutines that never wait without a task for each; ``asyncio.current_task()`` is one that all share.

    :param loop: the event loop of the calling thread.
    """

    def __init__(self, loop: "asyncio.AbstractEventLoop") -> None:
        import asyncio

        self._loop = loop
        self._task = loop.create_task(_nothing())
        self._enter = asyncio.tasks._enter_task
        self._leave = asyncio.tasks._leave_task

    def __call__(self, coroutine: "Coroutine[Any, Any, Result]") -> Result:
        self._enter(self._loop, self._task)
        try:
            contextvars.copy_context().run(coroutine.send, None)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        except (SystemExit, KeyboardInterrupt) as error:
            raise Escaped from error
        finally:
            self._leave(self._loop, self._task)
        coroutine.close()
        raise RuntimeError("a coroutine waits that has no await")


def may_wait(code: CodeType) -> bool:
    """Whether a coroutine of this code has a place where it may wait: ``await``, ``async for``, ``async with``."""
    import dis

    return any(instruction.opname in _WAITING for instruction in dis.get_instructions(code))


_WAITING = frozenset({"GET_AWAITABLE", "SEND", "YIELD_FROM", "YIELD_VALUE"})


def kept(function: str, file: str, line: int, milliseconds: int) -> None:
    """Logs a controller that has kept the loop from all others for so long."""
    _logger.warning(f"{function} ({file}:{line}) kept the event loop from all others for {milliseconds} ms.")


def blocks(thread: int) -> bool:
    """Logs which function of the application keeps the loop of this thread; whether there is one."""
    threading.current_thread().name = "attention"
    frame = _application(sys._current_frames().get(thread))
    if frame is None:
        return False
    code = frame.f_code
    name = getattr(code, "co_qualname", code.co_name)
    _logger.warning(
        f"{name} ({code.co_filename}:{frame.f_lineno}) keeps the event loop from all others, for more than 100 ms "
        "now: what blocks belongs on another thread."
    )
    return True


def _application(innermost: Optional[FrameType]) -> Optional[FrameType]:
    """The first function of the application that the loop has called; ``None`` where the loop itself runs, or waits."""
    import asyncio
    import selectors

    loop = (os.path.dirname(os.path.abspath(asyncio.__file__)) + os.sep, selectors.__file__, _PACKAGE)
    inside: List[FrameType] = []
    frame = innermost
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(loop):
            return inside[-1] if inside else None
        inside.append(frame)
        frame = frame.f_back
    return None  # another kind of loop runs this, and where it begins is not to be seen
