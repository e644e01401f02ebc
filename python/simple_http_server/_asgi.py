"""An application behind an ASGI server (ASGI 3): HTTP and lifespan; ``_asgi_websocket.py`` has the rest."""

import asyncio
import sys
from typing import Any, Awaitable, Callable, Dict, List, Optional

from ._engine import App, AsgiExchange, Begun, Head, Wait
from ._wsgi import call_in, go_on_with

Scope = Dict[str, Any]
Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def answer(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a request, holds a WebSocket conversation, or accompanies the life of the server."""
    kind = scope["type"]
    if kind == "http":
        await _Http(app, scope, receive, send).run()
    elif kind == "websocket":
        from ._asgi_websocket import converse

        await converse(app, scope, receive, send)
    elif kind == "lifespan":
        await _live(receive, send)
    else:
        raise ValueError(f"There is no answer to an ASGI scope of type {kind!r}.")


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return


class _GoneError(Exception):
    """The client has gone: nobody waits for the answer."""


class _Http:
    """A request and its answer.

    The engine and the controller run in the host's own task. There are others only while that one waits: one that
    hears when the client goes, one that sends what the controller writes before its end.
    """

    def __init__(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._exchange = AsgiExchange(app, scope, self._fetch)
        self._loop = asyncio.get_running_loop()
        self._has_gone = False
        self._is_answered = False
        self._has_whole_body = False
        self._is_receiving = False
        self._wait_for_message: List[asyncio.Future[None]] = []
        self._waiting: Optional[asyncio.Task[Any]] = None
        """The task that waits for what would be in vain if the client went."""
        self._is_interrupted = False
        self._is_in_controller = False
        self._hearer: Optional[asyncio.Task[None]] = None
        self._fetcher: Optional[asyncio.Task[bool]] = None
        self._sender: Optional[asyncio.Task[None]] = None

    async def run(self) -> None:
        """Answers. What fails is an answer, too; only the host's own errors get out."""
        try:
            await self._go_on()
            if self._sender is not None:
                await self._sender
        except _GoneError:
            pass
        finally:
            self._exchange.listen(None)
            self._exchange.close()
            for helper in (self._hearer, self._fetcher, self._sender):
                if helper is not None and not helper.done():
                    helper.cancel()

    async def _go_on(self) -> None:
        """Takes the steps of the exchange, to its end or until another task has taken them over."""
        advance = self._exchange.advance
        while True:
            step = advance()
            kind = type(step)
            if kind is Head:
                await self._send_message(
                    {"type": "http.response.start", "status": step.status, "headers": step.headers}
                )
                if step.whole is not None:
                    return await self._send_piece(step.whole, False)
            elif kind is bytes:
                await self._send_piece(step, True)
            elif step is None:
                return await self._send_piece(b"", False)
            elif kind is Begun:
                await self._finish(step)
                if self._sender is not None and self._sender is not asyncio.current_task():
                    return
            elif step == Wait.Body:
                await self._fetch()
                self._leave_if_gone()
            else:
                await self._be_woken()

    async def _send_piece(self, piece: bytes, more: bool) -> None:
        self._is_answered = not more
        await self._send_message({"type": "http.response.body", "body": piece, "more_body": more})

    async def _send_message(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:
            # so says a host that the client has gone
            self._leave()
        self._leave_if_gone()

    def _leave_if_gone(self) -> None:
        if self._has_gone and not self._is_answered:
            raise _GoneError

    async def _finish(self, begun: Begun) -> None:
        """Runs a coroutine to its end: that of a controller, or of an error's page."""
        try:
            waited_for = begun.coroutine.send(None)
        except StopIteration as end:
            return begun.finish(end.value)
        except BaseException as error:
            return begun.fail(error)
        coroutine = go_on_with(begun.coroutine, waited_for)
        try:
            result = await (coroutine if self._is_in_controller else self._attend(coroutine))
        except (_GoneError, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            begun.fail(error)
        else:
            begun.finish(result)

    async def _attend(self, coroutine: Awaitable[Any]) -> Any:
        """Waits for a controller, and sends meanwhile what it writes."""
        self._is_in_controller = True
        if not self._exchange.listen(self._wake):
            self._loop.call_soon(self._stir)
        try:
            return await self._unless_gone(coroutine)
        finally:
            self._is_in_controller = False
            if self._sender is None:
                self._exchange.listen(None)

    async def _unless_gone(self, awaited: Awaitable[Any]) -> Any:
        """Waits, but not for longer than the client does."""
        self._waiting = task = asyncio.current_task()
        self._begin_to_hear()
        try:
            result = await awaited
        except asyncio.CancelledError:
            if self._ends_interruption(task):
                raise _GoneError from None
            raise
        finally:
            self._waiting = None
        self._ends_interruption(task)
        return result

    def _ends_interruption(self, task: "Optional[asyncio.Task[Any]]") -> bool:
        """Whether it was the client's going alone that has cancelled the task."""
        was_interrupted, self._is_interrupted = self._is_interrupted, False
        if was_interrupted and task is not None and sys.version_info >= (3, 11):
            return task.uncancel() == 0
        return was_interrupted

    async def _be_woken(self) -> None:
        """Waits for the engine."""
        woken = self._loop.create_future()
        if self._exchange.listen(lambda: call_in(self._loop, lambda: _settle(woken))):
            await (woken if self._waiting else self._unless_gone(woken))

    def _wake(self) -> None:
        """Called on another thread."""
        call_in(self._loop, self._stir)

    def _stir(self) -> None:
        """While a controller waits, there is something to be sent, or to be received."""
        if not self._is_in_controller or self._sender is not None:
            return
        # before anything is looked at: whatever comes after that rings again
        self._exchange.listen_anew(self._wake)
        if not self._exchange.wants_body:
            self._sender = self._loop.create_task(self._go_on())
        elif self._fetcher is None or self._fetcher.done():
            self._fetcher = self._loop.create_task(self._fetch())

    async def _fetch(self) -> bool:
        """Brings a piece of the body, for who is in the event loop of the host; false for others."""
        if asyncio.get_running_loop() is not self._loop:
            return False
        if self._is_receiving:
            come = self._loop.create_future()
            self._wait_for_message.append(come)
            await come
        else:
            await self._take_message()
        return True

    def _begin_to_hear(self) -> None:
        if self._waiting is not None and self._hearer is None and not self._is_receiving:
            self._hearer = self._loop.create_task(self._hear())

    async def _hear(self) -> None:
        """Hears when the client goes. That comes after the body, of which no more than a piece is taken unasked."""
        try:
            while not self._has_gone:
                if await self._take_message() and not self._has_whole_body:
                    return
        finally:
            self._hearer = None

    async def _take_message(self) -> int:
        """Takes a message of the host; how many bytes of the body it has brought."""
        self._is_receiving = True
        try:
            message = await self._receive()
        finally:
            self._is_receiving = False
            waiting, self._wait_for_message = self._wait_for_message, []
            for come in waiting:
                _settle(come)
        if message["type"] == "http.disconnect":
            self._leave()
            return 0
        body = message.get("body") or b""
        self._has_whole_body = not message.get("more_body", False)
        self._exchange.feed(body, not self._has_whole_body)
        if self._has_whole_body:
            self._begin_to_hear()
        return len(body)

    def _leave(self) -> None:
        """The client has gone."""
        if self._has_gone:
            return
        self._has_gone = True
        self._exchange.break_off()
        task = self._waiting
        if task is not None and not self._is_answered and task is not asyncio.current_task():
            self._is_interrupted = True
            task.cancel()


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
