"""Coroutines that never wait are run without a task of their own."""

import asyncio
import contextvars

import pytest

from simple_http_server._event_loop import Escaped, Passage, may_wait

VARIABLE = contextvars.ContextVar("VARIABLE", default="nothing")


async def waits_nowhere(result=None):
    async def inner():
        await asyncio.sleep(0)

    inner().close()
    VARIABLE.set(result)
    return result, asyncio.current_task(), asyncio.get_running_loop()


async def awaits():
    await asyncio.sleep(0)


async def iterates(values):
    async for _ in values:
        pass


async def enters(manager):
    async with manager:
        pass


async def collects(values):
    return [value async for value in values]


@pytest.mark.parametrize("function", [awaits, iterates, enters, collects])
def test_a_function_with_a_place_to_wait_may_wait(function):
    assert may_wait(function.__code__)


def test_a_function_without_one_may_not():
    assert not may_wait(waits_nowhere.__code__)


def run(coroutine):
    """What the coroutine returns, in a loop that runs it as the engine would."""

    async def in_loop():
        # as the callback of a descriptor: outside of any task
        loop = asyncio.get_running_loop()
        result = loop.create_future()
        passage = Passage(loop)

        def call():
            try:
                result.set_result((passage(coroutine), asyncio.current_task(), VARIABLE.get()))
            except Exception as error:
                result.set_exception(error)

        loop.call_soon(call)
        return await result

    return asyncio.run(in_loop())


def test_it_has_a_task_a_loop_and_variables_of_its_own():
    (result, task, loop), task_afterwards, variable = run(waits_nowhere("something"))
    assert result == "something"
    assert isinstance(task, asyncio.Task)
    assert loop is task.get_loop()
    assert task_afterwards is None
    assert variable == "nothing"


def test_what_it_raises_comes_out():
    async def raises():
        raise LookupError("nowhere")

    with pytest.raises(LookupError, match="nowhere"):
        run(raises())


def test_what_would_end_the_loop_is_contained():
    async def leaves():
        raise SystemExit(3)

    with pytest.raises(Escaped) as escaped:
        run(leaves())
    assert isinstance(escaped.value.__cause__, SystemExit)
