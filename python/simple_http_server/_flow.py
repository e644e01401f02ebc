"""The long way of a request: filters, bindings of the user's own, and the controller, one after another."""

import inspect
import types
from types import TracebackType
from typing import Any, Callable, Generator, Optional, Sequence

from . import _signals
from ._declarations import ErrorPage
from ._engine import FlowTarget, Visit
from ._event_loop import contained, uncovered
from ._exception_text import exception_text
from ._live import ClientGone
from ._signature import BINDINGS, MISSING, Argument
from .logger import get_logger
from .models.filters import FilterContext
from .models.model_bindings import ModelBinding
from .models.request import Request
from .models.response import HttpError, Response

_logger = get_logger("simple_http_server.http_request_handler")


async def run(visit: Visit, filters: Sequence[Callable[[FilterContext], Any]], target: FlowTarget) -> Any:
    """Runs the filters and the controller; what the controller returns, or ``None`` where it was not reached.

    The engine starts this without an event loop and takes it into one when there is something to wait for.
    """
    return await contained(_Flow(visit, filters, target).step(0))


@types.coroutine
def _into_loop() -> Generator[None, None, None]:
    """Gives the coroutine back to the engine, which goes on with it as a task of an event loop."""
    yield


class _Flow:
    """The steps of one request."""

    def __init__(
        self, visit: Visit, filters: Sequence[Callable[[FilterContext], Any]], target: FlowTarget
    ) -> None:
        self._visit = visit
        self._filters = filters
        self._target = target
        self._in_loop = False

    async def step(self, index: int) -> Any:
        """The filter of this number and what comes after it, or the controller after the last filter."""
        if index == len(self._filters):
            return await self._call()
        context = _Context(self._visit)
        await self._settle(self._filters[index](context))
        result = None
        for number in range(context.scheduled):
            answer = await self.step(index + 1)
            if number == 0:
                result = answer
        return result

    async def _call(self) -> Any:
        values = []
        for number, argument in enumerate(self._target.arguments):
            if argument.binding is None and not self._visit_is_changed():
                values.append(self._visit.bind(number))
            else:
                values.append(await self._bind(argument))
        return await self._settle(self._target.invoke(values))

    def _visit_is_changed(self) -> bool:
        """Whether a filter has asked for what it may have changed."""
        asked = self._visit.request.__dict__
        return not _CHANGEABLE.isdisjoint(asked)

    async def _bind(self, argument: Argument) -> Any:
        binding = _binding(self._visit, argument)
        value = binding.bind()
        if inspect.iscoroutinefunction(binding.bind):
            value = await self._settle(value)
        return _required(argument, value)

    async def _settle(self, value: Any) -> Any:
        """Waits for what can be waited for, inside an event loop."""
        if not inspect.isawaitable(value):
            return value
        if not self._in_loop:
            self._in_loop = True
            await _into_loop()
        return await value


_CHANGEABLE = frozenset({"headers", "path_values", "_parameters", "_cookies", "_body", "json"})


class _Context(FilterContext):
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.scheduled = 0

    @property
    def request(self) -> Request:
        request: Request = self._visit.request
        return request

    @property
    def response(self) -> Response:
        response: Response = self._visit.response
        return response

    def do_chain(self) -> None:
        if not self._visit.is_sent:
            self.scheduled += 1


def bind(visit: Visit, argument: Argument) -> Any:
    """Binds an argument by its class, which waits for nothing."""
    value = _binding(visit, argument).bind()
    if inspect.iscoroutine(value):
        try:
            value.send(None)
        except StopIteration as result:
            return _required(argument, result.value)
        value.close()
        raise RuntimeError(f"the binding of {argument.name} waits for something")
    return _required(argument, value)


def _binding(visit: Visit, argument: Argument) -> ModelBinding:
    default = None if argument.default is MISSING else argument.default
    binding = argument.binding or BINDINGS[argument.kind]
    return binding(visit.request, visit.response, argument.name, argument.arg_type, default)


def _required(argument: Argument, value: Any) -> Any:
    if value is None and argument.default is MISSING:
        raise HttpError(400, "Missing Paramter", f"Parameter[{argument.name}] is required! ")
    return value


def failed(
    error: BaseException, traceback: Optional[TracebackType], what: str = "A controller failed"
) -> str:
    """Writes an exception of the application to the log, with its traceback; what the client is told of it.

    :param what: what has happened, as the log says it.
    """
    error, traceback = uncovered(error, traceback)
    if _signals.interrupt(error, traceback):
        return "The server is ending."
    if isinstance(error, ClientGone):
        _logger.debug("%s", error)
    elif type(error).__name__ == "CancelledError":
        _logger.warning("A controller was cancelled%s.", _place(traceback))
        return "The controller was cancelled."
    elif isinstance(error, _signals.Overdue):
        _logger.warning("What kept the event loop beyond the deadline was cut off%s.", _place(traceback))
        return "The server has ended."
    elif not isinstance(error, _signals.InterpreterEnds):
        _logger.error(f"{what}: {exception_text(error, repr)}", exc_info=(type(error), error, traceback))
    return exception_text(error)


def _place(traceback: Optional[TracebackType]) -> str:
    """Where it was, for the log."""
    if traceback is None:
        return ""
    place = traceback
    while traceback is not None:
        if not _signals.is_of_loop(traceback.tb_frame):
            place = traceback
        traceback = traceback.tb_next
    code = place.tb_frame.f_code
    return f" in {code.co_name} ({code.co_filename}:{place.tb_lineno})"


def warn_of_field(name: str, value: Any) -> None:
    """Says that a field is left out, since its value is no text."""
    _logger.warning(
        f"The header {name} is not sent: {value!r} is no text. Use str(...), or compatible=False."
    )


def make_error_page(page: ErrorPage, code: int, message: str, explain: str) -> Any:
    """Calls the function of an error page with what it asks for."""
    given = {"code": code, "message": message, "explain": explain}
    positional = []
    named = {}
    for argument in page.arguments:
        value = given[argument.source] if argument.source else argument.default
        value = None if value is MISSING else value
        if argument.positional:
            positional.append(value)
        else:
            named[argument.name] = value
    return page.function(*positional, **named)


__all__ = ["bind", "failed", "make_error_page", "run", "warn_of_field"]
