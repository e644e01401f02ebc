"""An application behind a WSGI server (PEP 3333)."""

import asyncio
import contextlib
import contextvars
import threading
import types
from typing import Any, Callable, Coroutine, Dict, Generator, Iterable, Optional

from ._engine import App, Begun, WsgiExchange

StartResponse = Callable[..., Any]


def answer(app: App, environ: Dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answers a request, in a context of its own; coroutines run in an event loop that the thread has for them."""
    return contextvars.copy_context().run(_answer, app, environ, start_response)


def _answer(app: App, environ: Dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    exchange = WsgiExchange(app, environ, start_response)
    while True:
        step = exchange.advance(True)
        if type(step) is not Begun:
            body: Iterable[bytes] = step
            return body
        loop = _loop_of_this_thread()
        if loop is None:
            step.coroutine.close()
            raise RuntimeError(
                "This thread runs an event loop, and a controller is a coroutine: await async_app_proxy here."
            )
        loop.run_until_complete(_finish(exchange, step))


async def answer_async(app: App, environ: Dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answers a request from within an event loop."""
    exchange = WsgiExchange(app, environ, start_response)
    while True:
        step = exchange.advance(False)
        if type(step) is Begun:
            await _finish(exchange, step)
        elif step is None:
            await _woken(exchange)
        else:
            body: Iterable[bytes] = step
            return body


_NOTHING = object()


@types.coroutine
def go_on_with(coroutine: Coroutine[Any, Any, Any], waited_for: Any = _NOTHING) -> Generator[Any, Any, Any]:
    """Goes on with a coroutine, also with one that has begun, which cannot be awaited.

    :param waited_for: what it has asked to wait for.
    """
    while waited_for is not _NOTHING:
        try:
            yield waited_for
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            try:
                waited_for = coroutine.throw(error)
            except StopIteration as end:
                return end.value
        else:
            break
    return (yield from coroutine)


async def _finish(exchange: WsgiExchange, begun: Begun) -> None:
    """Runs a coroutine to its end, and passes on meanwhile what other threads write into the answer."""
    loop = asyncio.get_running_loop()
    is_over = False

    def pass_on() -> None:
        # called late it would listen for ever
        if not is_over:
            exchange.pass_on()
            listen()

    def listen() -> None:
        if not exchange.listen(lambda: call_in(loop, pass_on)):
            loop.call_soon(pass_on)

    listen()
    try:
        result = await go_on_with(begun.coroutine)
    except GeneratorExit:
        is_over = True
        exchange.close()
        raise
    except BaseException as error:
        is_over = True
        exchange.listen(None)
        begun.fail(error)
    else:
        is_over = True
        exchange.listen(None)
        begun.finish(result)


async def _woken(exchange: WsgiExchange) -> None:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    if exchange.listen(lambda: call_in(loop, woken.set)):
        await woken.wait()


def call_in(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Calls in an event loop, from any thread; not in one that has been closed, where nobody waits any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)


class _ThreadLoop:
    """The event loop of a thread, closed when the thread has ended."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def __del__(self) -> None:
        if not self.loop.is_running():
            self.loop.close()


_threads = threading.local()


def _loop_of_this_thread() -> Optional[asyncio.AbstractEventLoop]:
    """The loop for coroutines; none where one runs already."""
    if asyncio._get_running_loop() is not None:
        return None
    mine: Optional[_ThreadLoop] = getattr(_threads, "mine", None)
    if mine is None or mine.loop.is_closed():
        mine = _threads.mine = _ThreadLoop()
    return mine.loop
