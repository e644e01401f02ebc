"""Starting, stopping, starting again: ports, threads, loops, signals at any moment."""

import asyncio
import errno
import signal
import socket
import threading

import pytest
from programs import BOTH_SIGNALS, MODES, PATIENCE, Client, ask, is_refused, program, text, wait_until
from running import Started, made

from simple_http_server import AppConf, HttpError, get_app_conf, server
from simple_http_server.routing_server import ConfigurationError

GATED = """
@route("/gate")
def gate():
    say("GATE")
    return wait_for_line()

@route("/async-gate")
async def async_gate():
    say("GATE")
    return await asyncio.get_running_loop().run_in_executor(None, wait_for_line)

@route("/quick")
def quick():
    return "quick"

@route("/stop")
def stop():
    server.stop()
    return "stopping"
"""

START = """
server.start(host="127.0.0.1", port=0, prefer_coroutine=sys.argv[1] == "coroutines", drain_deadline=600)
say("ENDED")
"""


WEBSOCKET = (
    "GET /busy-socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x81\0\0\0\0x"
)
"""A handshake, and a message of one letter."""


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def gate_of(mode):
    """The controller that waits without keeping others from running."""
    return "/gate" if mode == "threads" else "/async-gate"


@pytest.mark.parametrize("number", BOTH_SIGNALS)
def test_a_signal_lets_requests_end_then_the_server_then_the_program(mode, number):
    with program(GATED + START, mode) as running:
        port = running.port()
        client = Client(port)
        client.send(gate_of(mode))
        running.wait_for("GATE")
        running.signal(number)
        wait_until(lambda: is_refused(port), "the port is closed")
        assert "ENDED" not in running.log()
        running.tell("answered")
        answer, body = client.answer()
        assert (answer.status, body, answer.getheader("Connection")) == (200, b"answered", "close")
        running.wait_for("ENDED")
        assert running.end() == 0


@pytest.mark.parametrize("number", BOTH_SIGNALS)
def test_a_second_signal_cuts_what_still_runs(mode, number):
    with program(GATED + START, mode) as running:
        port = running.port()
        client = Client(port)
        client.send(gate_of(mode))
        running.wait_for("GATE")
        running.signal(number)
        wait_until(lambda: is_refused(port), "the port is closed")
        running.signal(number)
        with pytest.raises(OSError):  # noqa: PT011 - cut, by a reset or an early end
            client.answer()
        running.wait_for("ENDED")
        if mode == "coroutines":
            running.tell()  # the thread of an executor is waited for at the end of the interpreter
        assert running.end() == 0


@pytest.mark.parametrize("number", BOTH_SIGNALS)
def test_a_signal_while_the_server_is_made_ends_it_before_it_serves(mode, number):
    source = """
@request_map("/made")
@controller
class Made:
    def __init__(self):
        os.kill(os.getpid(), int(sys.argv[2]))
        say("MADE")

    @request_map
    def made(self):
        return "made"
"""
    with program(source + START, mode, int(number)) as running:
        running.wait_for("MADE")
        running.wait_for("ENDED")
        assert running.end() == 0
        assert "Traceback" not in running.log()


def test_a_signal_while_the_server_ends_changes_nothing(mode):
    source = """
@route("/stop-twice")
def stop_twice():
    server.stop()
    os.kill(os.getpid(), signal.SIGINT)
    return "stopping"
"""
    with program(source + START, mode) as running:
        assert text(running.port(), "/stop-twice") == "stopping"
        running.wait_for("ENDED")
        assert running.end() == 0
        assert "Traceback" not in running.log()


def test_handlers_of_the_application_are_left_alone(mode):
    source = """
def own(number, frame):
    say("OWN", number)
    server.stop()

signal.signal(signal.SIGTERM, own)
"""
    after = "say('STILL' if signal.getsignal(signal.SIGTERM) is own else 'LOST')\n"
    after += "say('PYTHONS' if signal.getsignal(signal.SIGINT) is signal.default_int_handler else 'LOST')\n"
    with program(source + GATED + START + after, mode) as running:
        running.port()
        running.signal(signal.SIGTERM)
        running.wait_for("OWN 15")
        running.wait_for("STILL")
        running.wait_for("PYTHONS")
        assert running.end() == 0


def test_an_exception_of_a_handler_of_the_application_leaves_start_after_the_end(mode):
    source = """
def own(number, frame):
    raise SystemExit(7)

signal.signal(signal.SIGTERM, own)
"""
    with program(source + GATED + START, mode) as running:
        port = running.port()
        client = Client(port)
        client.send(gate_of(mode))
        running.wait_for("GATE")
        running.signal(signal.SIGTERM)
        if mode == "threads":
            wait_until(lambda: is_refused(port), "the port is closed")
            running.tell("answered")
            assert client.answer()[1] == b"answered"
        else:
            running.tell()
        assert running.end() == 7


REQUEST = "GET /busy HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "opens", "handler"),
    [
        ("", REQUEST, "own"),
        ("async ", REQUEST, "own"),
        ("", WEBSOCKET, "own"),
        ("async ", WEBSOCKET, "own"),
        ("", REQUEST, "functools.partial(own)"),
        ("", REQUEST, "Own()"),
        ("", REQUEST, "Own().__call__"),
    ],
)
def test_an_exception_of_a_handler_of_the_application_ends_the_loop_from_within_a_controller(
    kind, opens, handler
):
    source = f"""
import functools

def own(number, frame):
    raise SystemExit(7)

class Own:
    def __call__(self, number, frame):
        own(number, frame)

signal.signal(signal.SIGHUP, {handler})

@route("/busy")
{kind}def busy():
    say("GATE")
    while True:
        time.sleep(0.01)

@websocket_handler(endpoint="/busy-socket")
class Busy(WebsocketHandler):
    {kind}def on_text_message(self, session, message):
        say("GATE")
        while True:
            time.sleep(0.01)
"""
    with program(source + START, "coroutines") as running:
        client = socket.create_connection(("127.0.0.1", running.port()))
        client.sendall(opens.encode("latin-1"))
        running.wait_for("GATE")
        running.signal(signal.SIGHUP)
        assert running.end() == 7
        client.close()


def test_a_process_with_many_open_files_serves_and_hears_signals():
    source = """
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
for _ in range(1100):
    os.dup(0)
"""
    with program(source + GATED + START, "threads") as running:
        assert text(running.port(), "/quick") == "quick"
        running.signal(signal.SIGTERM)
        assert running.end() == 0


def test_a_server_stops_from_a_controller_and_starts_again_in_the_same_process(mode):
    source = (
        GATED
        + """
for number in range(3):
    server.start(host="127.0.0.1", port=0, prefer_coroutine=sys.argv[1] == "coroutines")
    say("ENDED", number, server.is_ready())
"""
    )
    with program(source, mode) as running:
        for number in range(3):
            port = running.port(number + 1)
            assert text(port, "/quick") == "quick"
            assert text(port, "/stop") == "stopping"
            running.wait_for(f"ENDED {number} None")
            assert is_refused(port)
        assert running.end() == 0


def test_a_server_ends_with_the_program_that_has_left_it_behind(mode):
    source = (
        GATED
        + """
@route("/busy")
def busy():
    say("BUSY")
    while True:
        pass

def run():
    server.start(host="127.0.0.1", port=0, prefer_coroutine=sys.argv[1] == "coroutines")

threading.Thread(target=run, daemon=True).start()
wait_for_line()
say("LEAVING")
"""
    )
    with program(source, mode) as running:
        port = running.port()
        assert text(port, "/quick") == "quick"
        busy = Client(port)
        busy.send("/busy")
        running.wait_for("BUSY")
        running.tell()
        running.wait_for("LEAVING")
        assert running.end() == 0
        assert "Fatal" not in running.log()


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(1_000_000)"])
def test_a_controller_that_never_ends_keeps_neither_start_nor_the_program(body):
    source = f"""
@route("/never")
def never():
    say("NEVER")
    {body}

def stop_then():
    wait_for_line()
    server.stop()

threading.Thread(target=stop_then).start()
server.start(host="127.0.0.1", port=0, drain_deadline=0.2)
say("ENDED")
"""
    with program(source) as running:
        client = Client(running.port())
        client.send("/never")
        running.wait_for("NEVER")
        running.tell()
        running.wait_for("ENDED")
        running.wait_for("1 controllers have not ended by the deadline")
        assert running.end() == 0


def test_a_coroutine_that_never_ends_is_cancelled_at_the_deadline(mode):
    source = """
@route("/never")
async def never():
    say("NEVER")
    try:
        await asyncio.sleep(1_000_000)
    finally:
        say("CANCELLED")

def stop_then():
    wait_for_line()
    server.stop()

threading.Thread(target=stop_then).start()
server.start(host="127.0.0.1", port=0, drain_deadline=0.2, prefer_coroutine=sys.argv[1] == "coroutines")
say("ENDED")
"""
    with program(source, mode) as running:
        client = Client(running.port())
        client.send("/never")
        running.wait_for("NEVER")
        running.tell()
        running.wait_for("ENDED")
        if mode == "coroutines":
            running.wait_for("CANCELLED")
        assert running.end() == 0


BLOCKING = """
@route("/sleeps")
def sleeps():
    say("BLOCKED")
    time.sleep(1_000_000)

@route("/computes")
async def computes():
    await asyncio.sleep(0)
    say("BLOCKED")
    while True:
        pass

@route("/leaves-behind")
async def leaves_behind():
    async def blocks():
        say("BLOCKED")
        while True:
            time.sleep(0.01)
    asyncio.get_running_loop().create_task(blocks())
    return "begun"

def serve():
    server.start(host="127.0.0.1", port=0, drain_deadline=0.2, prefer_coroutine=True)
    say("ENDED")

if sys.argv[1] == "main":
    serve()
else:
    thread = threading.Thread(target=serve)
    thread.start()
    wait_for_line()
    server.stop()
    thread.join()
"""


@pytest.mark.parametrize(
    ("path", "sign"),
    [
        # a signal that Python hears of just before it begins to sleep would wait for the end of that
        ("/sleeps", "keeps the event loop"),
        ("/computes", "BLOCKED"),
        ("/leaves-behind", "BLOCKED"),
    ],
)
@pytest.mark.parametrize("signals", [1, 2])
def test_what_blocks_the_event_loop_does_not_outlast_the_deadline(path, sign, signals):
    with program(BLOCKING, "main") as running:
        Client(running.port()).send(path)
        running.wait_for(sign)
        for _ in range(signals):
            running.signal(signal.SIGINT)
        running.wait_for("ENDED")
        assert running.end() == 0


def test_what_computes_in_the_event_loop_of_another_thread_does_not_either():
    with program(BLOCKING, "thread") as running:
        Client(running.port()).send("/computes")
        running.wait_for("BLOCKED")
        running.tell()
        running.wait_for("ENDED")
        assert running.end() == 0


ASYNC = """
async def main():
    prefers = sys.argv[1] == "coroutines"
    serving = asyncio.ensure_future(server.start_async(host="127.0.0.1", port=0, prefer_coroutine=prefers))
    beside = asyncio.ensure_future(tick())
    for _ in range(2):
        line = await asyncio.get_running_loop().run_in_executor(None, wait_for_line)
        if line == "cancel":
            serving.cancel()
        elif line == "stop":
            server.stop()
    say("TICKED", ticks > 0)
    try:
        await serving
        say("RETURNED", server.is_ready())
    except asyncio.CancelledError:
        say("CANCELLED", server.is_ready())
    beside.cancel()

ticks = 0
async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep(0.001)

@route("/async")
async def answer():
    await asyncio.sleep(0)
    return type(asyncio.get_running_loop()).__module__

if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main())
say("ENDED")
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("order", "outcome"), [("stop", "RETURNED None"), ("cancel", "CANCELLED None")])
def test_a_server_runs_beside_others_in_the_loop_of_the_application(mode, loop, order, outcome):
    with program(GATED + ASYNC, mode, loop) as running:
        port = running.port()
        where = text(port, "/async")
        assert where.startswith(loop) or mode == "threads"
        assert text(port, "/quick") == "quick"
        running.tell(order)
        running.tell("go on")
        running.wait_for("TICKED True")
        running.wait_for(outcome)
        running.wait_for("ENDED")
        assert running.end() == 0
        assert is_refused(port)


@pytest.mark.parametrize("number", BOTH_SIGNALS)
def test_signals_end_a_server_in_the_loop_of_the_application(mode, number):
    source = """
async def main():
    try:
        prefers = sys.argv[1] == "coroutines"
        await server.start_async(host="127.0.0.1", port=0, prefer_coroutine=prefers)
        say("RETURNED")
    finally:
        say("LEFT", server.is_ready())

try:
    asyncio.run(main())
except KeyboardInterrupt:
    say("INTERRUPTED")
say("ENDED")
"""
    with program(GATED + source, mode) as running:
        port = running.port()
        assert text(port, "/quick") == "quick"
        running.signal(number)
        running.wait_for("LEFT None")
        running.wait_for("ENDED")
        assert running.end() == 0
        assert is_refused(port)


def test_a_signal_wakes_a_loop_in_which_another_server_has_ended():
    """The system may give it to a thread that is not the loop's."""
    source = """
async def main():
    servers = [HttpServer(("127.0.0.1", 0), prefer_corountine=True) for _ in range(2)]
    first, second = (asyncio.ensure_future(server.start_async()) for server in servers)
    while not all(server.ready for server in servers):
        await asyncio.sleep(0.01)
    servers[0].shutdown()
    await first
    threading.Thread(target=signal_itself).start()
    await second

def signal_itself():
    while sys._current_frames()[threading.main_thread().ident].f_code.co_name != "select":
        time.sleep(0.01)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

asyncio.run(main())
say("ENDED")
"""
    with program(source) as running:
        running.wait_for("ENDED")
        assert running.end() == 0


def named(name):
    """A configuration whose controller answers with a name."""
    conf = AppConf()

    @conf.route("/name")
    def answer():
        return name

    return conf


def test_several_configurations_have_a_port_each_at_the_same_time(mode):
    servers = [Started(made(named(name), mode)) for name in ("one", "two", "three")]
    try:
        assert [text(started.port, "/name") for started in servers] == ["one", "two", "three"]
        servers[1].end()
        assert [text(started.port, "/name") for started in (servers[0], servers[2])] == ["one", "three"]
    finally:
        for started in servers:
            started.end()


def test_a_server_that_has_ended_starts_again(mode):
    one = made(named("again"), mode)
    for _ in range(3):
        started = Started(one)
        assert text(started.port, "/name") == "again"
        port = started.port
        started.end()
        assert is_refused(port)
        assert not one.ready


def test_a_second_start_leaves_the_server_that_runs_alone(mode):
    one = made(named("running"), mode)
    started = Started(one)
    try:
        with pytest.raises(RuntimeError, match="this server has been started before"):
            one.start()
        with pytest.raises(RuntimeError, match="this server has been started before"):
            asyncio.run(one.start_async())
        assert text(started.port, "/name") == "running"
    finally:
        started.end()


def test_a_start_that_fails_can_be_repeated(mode):
    one = made(named("repeated"), mode)
    engine = one.server.bind()._server

    class Failing:
        def __getattr__(self, name):
            return getattr(engine, name)

        def start(self, ended):
            raise OSError("no thread")

    one.server.bind()._server = Failing()
    with pytest.raises(OSError, match="no thread"):
        one.start()
    started = Started(one)
    try:
        assert text(started.port, "/name") == "repeated"
    finally:
        started.end()


def test_a_server_that_is_stopped_before_it_starts_ends_at_once():
    one = made(named("never"))
    port = one.server.bind().port
    one.shutdown()
    assert is_refused(port)
    one.start()
    assert not one.ready


def test_a_second_start_ends_the_first_server():
    first, second = threading.Thread(target=start_default), threading.Thread(target=start_default)
    first.start()
    wait_until(lambda: server.is_ready(), "the first server serves")
    former = server._server
    second.start()
    first.join(PATIENCE)
    assert not first.is_alive()
    wait_until(lambda: server.is_ready() and server._server is not former, "the second server serves")
    server.stop()
    second.join(PATIENCE)
    assert not second.is_alive()
    assert server.is_ready() is None


def start_default():
    server.start(host="127.0.0.1", port=0, app_conf=get_app_conf("test_lifecycle"))


def test_a_port_that_is_in_use_is_named(mode):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: the port is in use"
        ) as raised:
            made(named("never"), mode, port=port).start()
        assert raised.value.errno == errno.EADDRINUSE


def test_a_host_that_nobody_knows_is_named():
    with pytest.raises(OSError, match="no such host"):
        made(named("never"), host="no such host")


def test_the_empty_host_means_all_addresses_of_both_kinds(mode):
    started = Started(made(named("everywhere"), mode, host=""))
    try:
        for host in ("127.0.0.1", "::1"):
            assert text(started.port, "/name", host=host) == "everywhere"
    finally:
        started.end()


def test_an_address_of_version_6_is_a_host(mode):
    started = Started(made(named("six"), mode, host="::1"))
    try:
        assert text(started.port, "/name", host="::1") == "six"
        assert is_refused(started.port)
    finally:
        started.end()


def test_declarations_that_come_later_are_for_requests_that_come_later(mode, tmp_path):
    (tmp_path / "page.txt").write_text("a page")
    conf, later = named("first"), AppConf()
    arrived, gate = threading.Event(), threading.Event()

    @conf.route("/gate")
    def gated():
        arrived.set()
        assert gate.wait(PATIENCE)
        return "first"

    @later.route("/name")
    def second():
        return "second"

    @later.route("/later")
    async def later_one():
        await asyncio.sleep(0)
        return "later"

    @later.route("/page-of-error")
    def failing():
        raise HttpError(444)

    started = Started(made(conf, mode))
    one = started.server
    try:
        with Client(started.port) as kept, Client(started.port) as busy:
            assert kept.text("/name") == "first"
            assert kept.ask("/page.txt")[0].status == 404
            if mode == "threads":
                busy.send("/gate")
                assert arrived.wait(PATIENCE)
            one.resources({"/**": str(tmp_path)})
            assert kept.text("/page.txt") == "a page"
            for mapping in later._get_controllers():
                one.map_controller(mapping)
            one.map_error_page("444", lambda: "an error")
            assert kept.text("/later") == "later"
            # the last declaration of a path counts
            assert kept.text("/name") == "second"
            assert kept.text("/page-of-error") == "an error"
            one.resources({})
            assert kept.ask("/page.txt")[0].status == 404
            gate.set()
            if mode == "threads":
                assert busy.answer()[1] == b"first"
    finally:
        gate.set()
        started.end()


def test_a_controller_that_sleeps_delays_no_other_request():
    conf = named("quick")
    sleeping, gate = threading.Semaphore(0), threading.Event()

    @conf.route("/sleep")
    def sleep():
        sleeping.release()
        assert gate.wait(PATIENCE)
        return "slept"

    started = Started(made(conf))
    try:
        sleepers = []
        for count in range(20):
            sleepers.append(Client(started.port))
            sleepers[-1].send("/sleep")
            # all the others sleep still
            assert text(started.port, "/name") == "quick"
            assert sleeping.acquire(timeout=PATIENCE), f"sleeper {count} has not begun"
        gate.set()
        assert {sleeper.answer()[1] for sleeper in sleepers} == {b"slept"}
    finally:
        gate.set()
        started.end()


def test_a_queue_that_is_full_is_said_with_when_to_come_again(mode):
    conf = AppConf()
    entered, gate = threading.Event(), threading.Event()

    @conf.route("/block")
    def block():
        entered.set()
        assert gate.wait(PATIENCE)
        return "unblocked"

    answers = []

    def keep_answer():
        answers.append(ask(started.port, "/block"))

    def statuses():
        return sorted(answer.status for answer, _ in list(answers))

    started = Started(made(conf, mode, max_workers=1, limits={"queue": 2}))
    clients = [threading.Thread(target=keep_answer) for _ in range(7)]
    try:
        clients[0].start()
        assert entered.wait(PATIENCE)
        for client in clients[1:]:
            client.start()
        # one runs, two wait
        wait_until(lambda: len(answers) == 4, "four are refused")
        assert {(a.status, a.getheader("Retry-After")) for a, _ in answers} == {(503, "1")}
        assert b"The server has too much to do." in answers[0][1]
        gate.set()
        for client in clients:
            client.join(PATIENCE)
        assert statuses() == [200] * 3 + [503] * 4
    finally:
        gate.set()
        started.end()


def test_limits_of_the_engine_hold(mode):
    conf = AppConf()

    @conf.route("/parameters", method="GET,POST")
    def parameters(req=None):
        return "taken"

    limits = {"body": 1000, "target_bytes": 200, "header_bytes": 2000, "headers": 10, "parameters": 3}
    started = Started(made(conf, mode, limits=limits))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        assert ask(started.port, "/parameters")[0].status == 200
        assert ask(started.port, "/parameters?" + "a" * 300)[0].status == 414
        assert ask(started.port, "/parameters", headers={"X-Long": "a" * 3000})[0].status == 431
        many = {f"X-{number}": "a" for number in range(20)}
        assert ask(started.port, "/parameters", headers=many)[0].status == 431
        assert ask(started.port, "/parameters", method="POST", body="a" * 2000, headers=form)[0].status == 413
        assert (
            ask(started.port, "/parameters", method="POST", body="a=1&b=2&c=3&d=4", headers=form)[0].status
            == 400
        )
    finally:
        started.end()


def test_a_limit_that_there_is_not_is_named():
    with pytest.raises(ConfigurationError, match='there is no limit "bodies"'):
        made(named("never"), limits={"bodies": 1})
