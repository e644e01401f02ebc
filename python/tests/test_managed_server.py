"""One server at a time is managed by the functions of the module; how it serves is tested elsewhere."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from simple_http_server import server

PATIENCE = 60


class Served:
    """Stands in for a server: runs until it is stopped, and says so."""

    def __init__(self, made, *options, **more):
        self.server = SimpleNamespace(drain_deadline=PATIENCE)
        self.running, self.stopped, self.may_end = threading.Event(), threading.Event(), threading.Event()
        self.may_end.set()
        self.ready = False
        self.options = options
        self.others_were_running = [other for other in made if other.ready]
        made.append(self)

    def start(self):
        self.ready = True
        self.running.set()
        assert self.stopped.wait(PATIENCE)
        assert self.may_end.wait(PATIENCE)
        self.ready = False

    async def start_async(self):
        await asyncio.get_running_loop().run_in_executor(None, self.start)

    def shutdown(self):
        self.stopped.set()


@pytest.fixture
def made(monkeypatch):
    """The servers that were made; those that still run at the end are stopped."""
    made = []
    monkeypatch.setattr(server, "HttpServer", lambda *options, **more: Served(made, *options, **more))
    yield made
    for served in made:
        served.may_end.set()
        served.shutdown()


def started(made, count=1):
    """Starts a server in a thread, and waits until it runs."""
    thread = threading.Thread(target=server.start)
    thread.start()
    while len(made) < count:
        thread.join(0.01)
    assert made[count - 1].running.wait(PATIENCE)
    return thread


def ended(thread):
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_a_server_is_ready_until_it_is_stopped(made):
    assert server.is_ready() is None
    thread = started(made)
    assert server.is_ready() is True
    server.stop()
    assert server.is_ready() is None
    assert ended(thread)


def test_without_a_server_there_is_nothing_to_stop(made):
    server.stop()
    assert server.is_ready() is None


def test_a_server_that_ends_by_itself_is_forgotten(made):
    thread = started(made)
    made[0].shutdown()
    assert ended(thread)
    assert server.is_ready() is None


def test_a_second_start_stops_the_first_and_waits_for_it(made):
    first = started(made)
    made[0].may_end.clear()
    second = threading.Thread(target=server.start)
    second.start()
    assert made[0].stopped.wait(PATIENCE)
    assert len(made) == 1
    made[0].may_end.set()
    assert ended(first)
    while len(made) < 2:
        second.join(0.01)
    assert made[1].others_were_running == []
    server.stop()
    assert made[1].running.wait(PATIENCE)
    made[1].shutdown()
    assert ended(second)


def test_a_start_after_a_stop_waits_for_the_end_without_blocking_the_loop(made):
    first = started(made)
    made[0].may_end.clear()
    server.stop()

    async def restart():
        task = asyncio.ensure_future(server.start_async())
        await asyncio.sleep(0)
        assert len(made) == 1
        made[0].may_end.set()
        while len(made) < 2:
            await asyncio.sleep(0.01)
        made[1].shutdown()
        await task

    asyncio.run(restart())
    assert ended(first)
    assert made[1].others_were_running == []


def test_options_are_handed_on_in_their_order(made):
    thread = threading.Thread(
        target=server.start,
        args=[
            "host",
            80,
            True,
            17,
            False,
            "key",
            "cert",
            "pass",
            None,
            {"/r/*": "r"},
            5,
            False,
            3,
            {"t"},
            6,
            True,
            "app",
        ],
    )
    thread.start()
    while not made:
        thread.join(0.01)
    assert made[0].options == (
        *(("host", 80), True, 17, False, "key", "cert", "pass", None, {"/r/*": "r"}),
        *(True, None, 5, False, 3, {"t"}, 6, "app"),
    )
    assert made[0].running.wait(PATIENCE)
    made[0].shutdown()
    assert ended(thread)
