"""Coroutines that never wait are run without a task of their own."""

import asyncio
import contextvars
import urllib.request

import pytest
from running import running

from simple_http_server import AppConf
from simple_http_server._event_loop import may_wait

VARIABLE = contextvars.ContextVar("VARIABLE", default="nothing")


async def waits_nowhere():
    async def inner():
        await asyncio.sleep(0)

    inner().close()


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


@pytest.mark.parametrize("coroutine", [False, True], ids=["threads", "coroutine"])
def test_it_has_a_task_a_loop_and_variables_of_its_own(coroutine):
    conf = AppConf()
    seen = []

    @conf.route("/look")
    async def look(name: str):
        seen.append((asyncio.current_task(), asyncio.get_running_loop(), VARIABLE.get()))
        VARIABLE.set(name)
        return VARIABLE.get()

    with running(conf, coroutine=coroutine) as port:
        assert [ask(port, f"/look?name={name}") for name in ("first", "second")] == ["first", "second"]
    assert [variable for _, _, variable in seen] == ["nothing", "nothing"]
    for task, loop, _ in seen:
        assert isinstance(task, asyncio.Task)
        assert loop is task.get_loop()


def ask(port, target):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}") as answer:
        return answer.read().decode()
