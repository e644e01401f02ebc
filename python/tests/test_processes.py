"""Several processes that serve one port: nobody is lost, nobody is left."""

import signal

import pytest
from programs import MODES, Client, ask, children, is_refused, is_running, program, text, wait_until

APPLICATION = """
@route("/process")
def process():
    return str(os.getpid())

@route("/die")
def die():
    os.kill(os.getpid(), signal.SIGKILL)

@route("/stop")
def stop():
    server.stop()
    return "stopping"

@route("/gate")
def gate():
    say("GATE")
    wait_for_line()
    return "answered"

@route("/count")
def count(session: Session):
    session.set_attribute("count", (session.get_attribute("count") or 0) + 1)
    return str(session.get_attribute("count"))
"""

START = """
server.start(
    host="127.0.0.1", port=0, workers=2, prefer_coroutine=sys.argv[1] == "coroutines", drain_deadline=600
)
say("ENDED", os.getpid())
"""


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def running(mode):
    with program(APPLICATION + START, mode) as started:
        started.mode = mode
        yield started


def serving(running):
    """The processes that answer, once there are two of them."""
    port, seen = running.port(), set()

    def both():
        seen.add(int(text(port, "/process")))
        return len(seen & children(running.process.pid)) >= 2

    wait_until(both, "two processes answer")
    return seen & children(running.process.pid)


def test_all_processes_answer_and_a_signal_ends_them(running):
    port, workers = running.port(), serving(running)
    assert running.process.pid not in workers
    assert "Sessions in memory are each process' own." in running.log()
    running.signal(signal.SIGTERM)
    running.wait_for(f"ENDED {running.process.pid}")
    assert running.end() == 0
    assert not any(map(is_running, workers))
    assert is_refused(port)


def test_requests_end_before_the_processes_do(running):
    client = Client(running.port())
    client.send("/gate")
    running.wait_for("GATE")
    running.signal(signal.SIGINT)
    # the other one has nothing to do
    wait_until(lambda: len(children(running.process.pid)) == 1, "one process is left")
    running.tell()
    assert client.answer()[1] == b"answered"
    assert running.end() == 0


def test_a_second_signal_cuts_what_still_runs(running):
    workers = serving(running)
    client = Client(running.port())
    client.send("/gate")
    running.wait_for("GATE")
    running.signal(signal.SIGTERM)
    if running.mode == "threads":
        wait_until(lambda: len(children(running.process.pid)) == 1, "one process is left")
        running.signal(signal.SIGTERM)
        with pytest.raises(OSError):  # noqa: PT011 - cut, by a reset or an early end
            client.answer()
    else:
        running.tell()  # it keeps the loop, where no signal is heard
    assert running.end() == 0
    assert not any(map(is_running, workers))


def test_a_process_that_dies_is_replaced(running):
    port, before = running.port(), serving(running)
    with pytest.raises(OSError):  # noqa: PT011 - it dies without an answer
        ask(port, "/die")
    running.wait_for(r"in the place of \d+, which ended by signal 9")
    after = serving(running)
    assert len(after) == len(before & after) + 1 == 2
    # it has been waited for, and is no zombie
    assert children(running.process.pid) == after
    running.signal(signal.SIGTERM)
    assert running.end() == 0


def test_one_that_dies_before_it_is_ready_is_not_counted(tmp_path):
    source = """
import simple_http_server._serving as serving

begin = serving.Serving._begin

def die_once(self, ended):
    try:
        os.open(sys.argv[2], os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return begin(self, ended)
    os.kill(os.getpid(), signal.SIGKILL)

serving.Serving._begin = die_once

def look():
    while not server.is_ready():
        time.sleep(0.01)
    say("READY")

threading.Thread(target=look, daemon=True).start()
"""
    with program(source + START, "threads", tmp_path / "dead") as running:
        running.wait_for(r"in the place of \d+, which ended by signal 9")
        running.wait_for("READY")
        running.signal(signal.SIGTERM)
        assert running.end() == 0


IGNORE = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"


def test_all_ends_where_the_system_keeps_no_status(mode):
    with program(IGNORE + APPLICATION + START, mode) as running:
        workers = serving(running)
        running.signal(signal.SIGTERM)
        running.wait_for("ENDED")
        assert running.end() == 0
        assert not any(map(is_running, workers))


def test_one_whose_status_is_unknown_is_replaced_where_it_has_not_ended_the_server(mode):
    with program(IGNORE + APPLICATION + START, mode) as running:
        port = running.port()
        with pytest.raises(OSError):  # noqa: PT011 - it dies without an answer
            ask(port, "/die")
        running.wait_for(r"in the place of \d+, which ended by a status that is unknown")
        serving(running)
        assert text(port, "/stop") == "stopping"
        running.wait_for("ENDED")
        assert running.end() == 0


def test_processes_do_not_outlive_their_parent(running):
    workers = serving(running)
    running.signal(signal.SIGKILL)
    running.process.wait()
    wait_until(lambda: not any(map(is_running, workers)), "the processes end")


def test_a_controller_stops_all_processes(running):
    port, workers = running.port(), serving(running)
    assert text(port, "/stop") == "stopping"
    running.wait_for("ENDED")
    assert running.end() == 0
    assert not any(map(is_running, workers))


def test_stop_is_heard_in_the_parent():
    source = """
def stop_later():
    while not server.is_ready():
        time.sleep(0.01)
    say("READY")
    wait_for_line()
    server.stop()

server_thread = threading.Thread(target=stop_later)
server_thread.start()
"""
    with program(APPLICATION + source + START, "threads") as running:
        running.wait_for("READY")
        workers = serving(running)
        running.tell()
        running.wait_for("ENDED")
        assert running.end() == 0
        assert not any(map(is_running, workers))


def test_sessions_are_those_of_one_process(running):
    """With one process' cookie the other one knows nothing."""
    port, workers = running.port(), serving(running)
    counts = {}
    cookies = {}

    def both_count():
        with Client(port) as client:
            worker = int(client.text("/process"))
            headers = {"Cookie": cookies[worker]} if worker in cookies else {}
            answer, body = client.ask("/count", headers=headers)
            cookies[worker] = answer.getheader("Set-Cookie").partition(";")[0]
            counts[worker] = int(body)
        return set(counts) == workers and min(counts.values()) > 1

    wait_until(both_count, "both processes count")
    running.signal(signal.SIGTERM)
    assert running.end() == 0


def test_processes_that_die_at_once_end_the_server_with_an_error():
    source = """
import simple_http_server._serving as serving

parent = os.getpid()
begin = serving.Serving._begin

def die(self, ended):
    if os.getpid() != parent:
        os._exit(9)
    begin(self, ended)

serving.Serving._begin = die
"""
    with program(source + START, "threads") as running:
        running.wait_for("Processes die too often, the last one by exit status 9: the server ends.")
        assert running.end() == 1
        assert "ENDED" not in running.log()


def test_exceptions_of_a_process_are_written_and_it_is_replaced(tmp_path):
    source = """
import simple_http_server._serving as serving

begin = serving.Serving._begin

def fail_once(self, ended):
    try:
        os.open(sys.argv[2], os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return begin(self, ended)
    raise ValueError("the first process fails")

serving.Serving._begin = fail_once
"""
    marker = str(tmp_path / "failed")
    with program(source + APPLICATION + START, "threads", marker) as running:
        running.wait_for("ValueError: the first process fails")
        running.wait_for(r"in the place of \d+, which ended by exit status 1")
        assert len(serving(running)) == 2
        running.signal(signal.SIGTERM)
        assert running.end() == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("workers=0", "workers should be a whole number, at least 1, not 0."),
        (
            "workers=2, ssl=True, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)",
            "ssl_context is for one process",
        ),
    ],
)
def test_what_processes_cannot_do_is_said(options, text):
    source = f"""
import ssl
server.start(host="127.0.0.1", port=0, {options})
"""
    with program(source) as running:
        running.wait_for(text)
        assert running.end() == 1


def test_processes_are_not_for_an_event_loop():
    source = """
asyncio.run(server.start_async(host="127.0.0.1", port=0, workers=2))
"""
    with program(source) as running:
        running.wait_for("workers are processes of their own: call start, not start_async.")
        assert running.end() == 1
