"""What runs in an event loop beside others: it must neither end the loop nor keep it from the others."""

import sys
import threading
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, Coroutine, Optional, Tuple, TypeVar

from ._signals import InterpreterEnds, Overdue, application, is_of_handler, is_of_loop
from .logger import get_logger

if TYPE_CHECKING:
    import asyncio

_logger = get_logger("simple_http_server.http_request_handler")

Result = TypeVar("Result")


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


def run_to_end(loop: "asyncio.AbstractEventLoop", coroutine: "Coroutine[Any, Any, Result]") -> Result:
    """Runs a coroutine in a loop of its own, as ``asyncio.run`` does: tasks that it leaves behind are cancelled.

    What would end a loop out of such a task ends that task alone.
    """
    task = loop.create_task(coroutine)
    try:
        run_until_done(loop, task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # `result` gives an exception its traceback once, which the loop has asked for
            raise error
        return task.result()
    finally:
        cancel_left(loop)


def cancel_left(loop: "asyncio.AbstractEventLoop") -> None:
    """Cancels the tasks of a loop that have not ended, and lets them end."""
    import asyncio

    left = asyncio.all_tasks(loop)
    if left:
        for task in left:
            task.cancel()
        run_until_done(loop, asyncio.gather(*left, return_exceptions=True))


def run_until_done(loop: "asyncio.AbstractEventLoop", future: "asyncio.Future[Any]") -> None:
    """Runs the loop until then. What an application's task raises to end the interpreter ends that task alone."""
    while not future.done():
        try:
            loop.run_until_complete(future)
        except (SystemExit, KeyboardInterrupt) as error:
            if future.done():
                break
            if not _is_of_task(error):
                raise
            _logger.error(f"A task failed: {error!r}", exc_info=error)
        except BaseException:
            if not future.done():
                raise


def _is_of_task(error: BaseException) -> bool:
    """Whether this was raised by a task, and neither by a signal nor by who ends the threads of controllers."""
    if isinstance(error, Overdue):
        return True
    if isinstance(error, InterpreterEnds) or is_of_handler(error, error.__traceback__):
        return False
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    return innermost is not None and not is_of_loop(innermost.tb_frame)


async def nothing() -> None:
    """What the task does that coroutines share which never wait."""


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
    frame = application(sys._current_frames().get(thread))
    if frame is None:
        return False
    code = frame.f_code
    name = getattr(code, "co_qualname", code.co_name)
    _logger.warning(
        f"{name} ({code.co_filename}:{frame.f_lineno}) keeps the event loop from all others, for more than 100 ms "
        "now: what blocks belongs on another thread."
    )
    return True
