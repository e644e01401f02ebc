"""What an application does wrong has a stated outcome: nobody waits for ever, and the server goes on."""

import asyncio
import contextlib
import http.client
import socket
import struct
import threading
import time
import traceback
from concurrent.futures import CancelledError

import pytest
from programs import MODES, PATIENCE, Client, ask, program, text, wait_until
from running import Started, made

from simple_http_server import AppConf, FilterContext, HttpError, Request, Response, _event_loop
from simple_http_server.models.model_bindings import ModelBinding


class Odd(BaseException):
    """An exception that is no ``Exception``."""


class Unprintable(Exception):
    """Whose text is not to be had."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


EXCEPTIONS = [
    ValueError("a text"),
    Odd("a text"),
    SystemExit(3),
    SystemExit("a text"),
    KeyboardInterrupt("a text"),
    GeneratorExit("a text"),
    StopIteration("a text"),
    asyncio.CancelledError("a text"),
    CancelledError("a text"),
    Unprintable(),
    RecursionError("a text"),
    MemoryError("a text"),
]

WRONG = [1.5, object(), [1], {1, 2}, True, ValueError("returned"), 99, 1000, int, lambda: "later"]


class Arg:
    """What is bound by a binding of the application's own."""


class Application:
    """Its parts fail as they are told to."""

    def __init__(self):
        self.conf = AppConf()
        self.fault = None
        self.gate = threading.Event()
        conf, application = self.conf, self

        @conf.model_binding(Arg)
        class Binding(ModelBinding):
            async def bind(self):
                return application.fail()

        @conf.route("/ok")
        def ok():
            return "ok"

        @conf.route("/def")
        def plain():
            return self.fail()

        @conf.route("/async")
        async def coroutine():
            return self.fail()

        @conf.route("/async-later")
        async def coroutine_later():
            await asyncio.sleep(0)
            return self.fail()

        @conf.route("/filtered")
        @conf.route("/filtered-later")
        def filtered():
            return "never"

        @conf.request_filter("/filtered")
        def filtering(ctx: FilterContext):
            self.fail()

        @conf.request_filter("/filtered-later")
        async def filtering_later(ctx: FilterContext):
            await asyncio.sleep(0)
            self.fail()

        @conf.route("/bound")
        def bound(arg: Arg):
            return "never"

        @conf.route("/page")
        def page():
            raise HttpError(444, "Told", "so")

        @conf.error_message("444")
        def making():
            return self.fail()

        @conf.route("/page-later")
        def page_later():
            raise HttpError(445, "Told", "so")

        @conf.error_message("445")
        async def making_later():
            await asyncio.sleep(0)
            return self.fail()

        @conf.route("/sent")
        def sent(res=Response()):
            res.body = "sent"
            res.send_response()
            return self.fail()

        @conf.route("/begun")
        async def begun(res=Response()):
            res.write_bytes(b"begun")
            while not self.gate.is_set():
                await asyncio.sleep(0.001)
            return self.fail()

    def fail(self):
        if isinstance(self.fault, BaseException):
            raise self.fault
        return self.fault


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture(params=MODES, scope="module")
def started(request):
    application = Application()
    with Started(made(application.conf, request.param, compatible=False)) as server:
        server.application = application
        yield server


PLACES = ["/def", "/async", "/async-later", "/filtered", "/filtered-later", "/bound"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: type(error).__name__)
def test_any_exception_is_answered_by_500(started, place, error):
    started.application.fault = error
    answer, body = ask(started.port, place)
    assert answer.status == 500, body
    assert text(started.port, "/ok") == "ok"


@pytest.mark.parametrize("place", ["/page", "/page-later"])
@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: type(error).__name__)
def test_any_exception_of_an_error_page_leaves_a_plain_one(started, place, error):
    started.application.fault = error
    answer, body = ask(started.port, place)
    assert (answer.status, body) == (int("444" if place == "/page" else "445"), b"Told:so")
    assert text(started.port, "/ok") == "ok"


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: type(error).__name__)
def test_an_exception_after_the_answer_changes_nothing(started, error):
    started.application.fault = error
    answer, body = ask(started.port, "/sent")
    assert (answer.status, body) == (200, b"sent")
    assert text(started.port, "/ok") == "ok"


def test_an_answer_that_has_begun_and_fails_is_not_taken_for_whole(started):
    started.application.fault = ValueError("half-way")
    with Client(started.port) as client:
        client.send("/begun")
        answer = client.connection.getresponse()
        assert (answer.status, answer.read(3)) == (200, b"beg")
        started.application.gate.set()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    started.application.fault = None
    assert ask(started.port, "/begun")[1] == b"begun"


@pytest.mark.parametrize("place", ["/def", "/async", "/async-later"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_what_cannot_be_an_answer_is_answered_by_500(started, place, value):
    started.application.fault = value
    answer, body = ask(started.port, place)
    assert answer.status == 500, body
    assert text(started.port, "/ok") == "ok"


@pytest.mark.parametrize("value", [1.5, object(), [1]], ids=repr)
def test_what_cannot_be_a_page_leaves_the_default_one(started, value):
    started.application.fault = value
    answer, body = ask(started.port, "/page")
    assert (answer.status, body) == (444, b'{"code": 444, "message": "Told", "explain": "so"}')


def test_exceptions_are_logged_once_with_the_place(started, logged):
    error = ValueError("to be found in the log")
    started.application.fault = error
    ask(started.port, "/def")
    told = [line for line in logged() if "to be found in the log" in line]
    assert len(told) == 1


@pytest.mark.parametrize("place", PLACES)
def test_the_traceback_in_the_log_is_whole(started, records, place):
    started.application.fault = ValueError("to be found in the log")
    ask(started.port, place)
    (record,) = [record for record in records() if "to be found in the log" in record.getMessage()]
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(record.exc_info[2])]
    assert frames[-1] == "fail"


def test_an_exception_that_cannot_be_printed_is_named(started, logged):
    started.application.fault = Unprintable()
    answer, body = ask(started.port, "/def")
    assert (answer.status, b"Unprintable" in body) == (500, True)
    assert [line for line in logged() if "A controller failed: Unprintable" in line]


def test_an_exception_after_the_answer_is_logged(started, logged):
    started.application.fault = ValueError("too late")
    ask(started.port, "/sent")
    wait_until(lambda: any("too late" in line for line in logged()), "the exception is logged")


def silent():
    conf = AppConf()

    @conf.route("/silent")
    @conf.route("/answered")
    def never():
        return "never"

    @conf.request_filter("/silent")
    def silent_filter(ctx: FilterContext):
        ctx.response.set_header("X-Filter", "was here")

    @conf.request_filter("/answered")
    def answering(ctx: FilterContext):
        ctx.response.body = "the filter's"
        ctx.response.send_response()
        ctx.do_chain()

    return conf


def test_a_filter_that_does_not_go_on_answers_with_what_there_is(mode):
    with Started(made(silent(), mode)) as started:
        answer, body = ask(started.port, "/silent")
        assert (answer.status, answer.getheader("X-Filter"), body) == (200, "was here", b"")
        assert ask(started.port, "/answered")[1] == b"the filter's"


def leaving(gone, ended):
    """An application whose clients leave."""
    conf = AppConf()

    @conf.route("/ok")
    def ok():
        return "ok"

    @conf.route("/late")
    def late():
        ended.append("begun")
        assert gone.wait(PATIENCE)
        ended.append("late")
        return "late"

    @conf.route("/async-late")
    async def async_late():
        ended.append("begun")
        while not gone.is_set():
            await asyncio.sleep(0.01)
        ended.append("late")
        return "late"

    @conf.route("/endless")
    def endless(res=Response()):
        try:
            while True:
                res.write_bytes(b"x" * 100_000)
        except OSError as error:
            ended.append(type(error).__mro__[1].__name__)
            raise

    return conf


def asking(port, target):
    """A connection on which something has been asked for."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


def reset(connection):
    """Closes a connection in a way that the other end notices."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["reset", "close"])
def test_an_answer_for_a_client_that_has_gone_is_dropped(mode, leave):
    gone, ended = threading.Event(), []
    with Started(made(leaving(gone, ended), mode)) as started:
        connections = [
            asking(started.port, "/late" if mode == "threads" else "/async-late") for _ in range(5)
        ]
        wait_until(lambda: ended == ["begun"] * 5, "the controllers begin")
        for connection in connections:
            leave(connection)
        gone.set()
        wait_until(lambda: ended[5:] == ["late"] * 5, "the controllers end")
        assert text(started.port, "/ok") == "ok"


@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["reset", "close"])
def test_who_writes_to_a_client_that_has_gone_is_told(mode, leave):
    ended = []
    with Started(made(leaving(threading.Event(), ended), mode)) as started:
        connection = asking(started.port, "/endless")
        assert connection.recv(1000).startswith(b"HTTP/1.")
        leave(connection)
        wait_until(lambda: ended == ["BrokenPipeError"], "the controller is told")
        assert text(started.port, "/ok") == "ok"


def test_who_writes_to_a_client_that_does_not_read_waits_or_is_told(mode, logged):
    ended = []
    limits = {"write_timeout": 0.5}
    with Started(made(leaving(threading.Event(), ended), mode, limits=limits)) as started:
        connection = asking(started.port, "/endless")
        wait_until(lambda: ended == ["BrokenPipeError"], "the controller is told")
        assert text(started.port, "/ok") == "ok"
        # it is no fault of the application's
        assert not any("failed" in line for line in logged())
        connection.close()


def test_a_stop_ends_who_waits_for_a_client_that_does_not_read():
    ended = []
    with Started(made(leaving(threading.Event(), ended), "threads", drain_deadline=0.2)) as started:
        connection = asking(started.port, "/endless")
        assert connection.recv(1000).startswith(b"HTTP/1.")
    wait_until(lambda: ended == ["BrokenPipeError"], "the controller is told")
    connection.close()


def blocking():
    conf = AppConf()
    gate = threading.Event()

    @conf.route("/ok")
    def ok():
        return "ok"

    @conf.route("/blocks")
    def blocks():
        assert gate.wait(PATIENCE)
        return "blocked"

    @conf.route("/async-blocks")
    async def async_blocks():
        await asyncio.sleep(0)
        assert gate.wait(PATIENCE)  # in the midst of it
        await asyncio.sleep(0)
        return "blocked"

    @conf.route("/computes")
    async def computes():
        while not gate.is_set():
            pass
        return "computed"

    return conf, gate


@pytest.mark.parametrize(
    ("place", "name"),
    [("/blocks", "blocks"), ("/async-blocks", "async_blocks"), ("/computes", "computes")],
)
def test_who_keeps_the_event_loop_is_named(logged, place, name):
    conf, gate = blocking()
    with Started(made(conf, "coroutines")) as started:
        client = Client(started.port)
        client.send(place)

        def named():
            return [line for line in logged() if "keeps the event loop" in line]

        wait_until(named, "somebody is named")
        line = named()[0]
        assert f"{name} (" in line
        assert f"{__file__}:" in line
        gate.set()
        assert client.answer()[0].status == 200
        assert text(started.port, "/ok") == "ok"
        assert len(named()) == 1
        # that it is over is not said again
        assert not [line for line in logged() if "kept the event loop" in line]


def test_a_loop_that_waits_is_not_named(logged):
    with Started(made(blocking()[0], "coroutines")) as started:
        assert text(started.port, "/ok") == "ok"
        answers = []
        looking = threading.Thread(target=lambda: answers.append(_event_loop.blocks(started.thread.ident)))
        looking.start()
        looking.join()
        assert answers == [False]
    assert not [line for line in logged() if "the event loop from all others" in line]


def test_the_interpreter_ends_while_requests_run():
    source = """
@route("/{number}")
def answer(number=PathValue()):
    return number

@route("/async/{number}")
async def async_answer(number=PathValue()):
    await asyncio.sleep(0)
    return number

for prefers in (False, True):
    made = HttpServer(("127.0.0.1", 0), prefer_corountine=prefers)
    threading.Thread(target=made.start, daemon=True).start()
wait_for_line()
"""
    for _ in range(5):
        with program(source) as running:
            ports = [running.port(1), running.port(2)]
            stopped = threading.Event()
            asking = [
                threading.Thread(target=ask_until, args=(port, target, stopped))
                for port in ports
                for target in ("/1", "/async/2")
            ]
            for thread in asking:
                thread.start()
            wait_until(lambda: running.log().count('HTTP/1.1" 200') > 20, "requests are answered")
            running.tell()
            assert running.end() == 0
            stopped.set()
            for thread in asking:
                thread.join(PATIENCE)
            assert "Fatal" not in running.log()
            assert "panicked" not in running.log()


def ask_until(port, target, stopped):
    while not stopped.is_set():
        with contextlib.suppress(OSError, Exception), Client(port) as client:
            while not stopped.is_set():
                client.text(target)
        time.sleep(0.001)


def test_what_a_request_has_is_let_go_after_a_fault(mode):
    """A hundred faults leave nothing behind of their requests."""
    import gc
    import weakref

    conf = AppConf()
    seen = []

    @conf.route("/fails")
    def fails(req: Request):
        seen.append(weakref.ref(req))
        raise Odd("let go")

    with Started(made(conf, mode)) as started:
        with Client(started.port) as client:
            for _ in range(100):
                assert client.ask("/fails")[0].status == 500

        def are_gone():
            gc.collect()
            return sum(request() is not None for request in seen) <= 1

        wait_until(are_gone, "the requests are let go")


def half_way():
    conf = AppConf()

    @conf.route("/def")
    def plain(res=Response()):
        res.write_bytes(b"abc")
        raise ValueError("half-way")

    @conf.route("/async")
    async def coroutine(res=Response()):
        res.write_bytes(b"abc")
        raise ValueError("half-way")

    @conf.route("/large")
    def large(res=Response()):
        for _ in range(50):
            res.write_bytes(b"abc" * 20_000)
        raise ValueError("half-way")

    return conf


def received(port, target):
    """All that comes until the connection ends, however it does."""
    with contextlib.closing(asking(port, target)) as connection:
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


@pytest.mark.parametrize("compatible", [True, False])
def test_what_was_written_before_a_failure_has_arrived(mode, compatible):
    with Started(made(half_way(), mode, compatible=compatible)) as started:
        for target, count in [("/def", 1), ("/async", 1), ("/large", 50 * 20_000)] * 30:
            answer = received(started.port, target)
            assert answer.startswith(b"HTTP/1."), target
            assert answer.count(b"abc") == count, target
            # compatible answers have no end that could be missing
            assert not answer.endswith(b"0\r\n\r\n")
