"""Loggers, their handlers and the thread in which these run."""

import logging
import os
import re
import socket
import threading
import time

import pytest
from programs import ask, program, wait_until

from simple_http_server import logger
from simple_http_server.logger import CachingLogger, LoggerFactory


class Kept(logging.Handler):
    """Keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.records = []
        self.threads = set()

    def emit(self, record):
        self.threads.add(threading.current_thread().name)
        self.records.append(record)

    def texts(self):
        assert logger.flush(60)
        return [record.getMessage() for record in self.records]


@pytest.fixture
def factory():
    return LoggerFactory()


@pytest.fixture
def kept(factory):
    handler = Kept()
    factory.set_handler(handler)
    return handler


def test_a_logger_is_outside_the_hierarchy(factory):
    log = factory.get_logger("outside")
    assert isinstance(log, CachingLogger)
    assert log.parent is None
    assert "outside" not in logging.root.manager.loggerDict


def test_a_logger_is_the_same_each_time_in_its_factory(factory):
    assert factory.get_logger("a") is factory.get_logger("a")
    assert factory.get_logger("a") is not LoggerFactory().get_logger("a")
    assert factory.get_logger().name == "pythone-simple-http-server"


def test_a_factory_is_the_same_each_time():
    assert logger.get_logger_factory("of mine") is logger.get_logger_factory("of mine")
    assert logger.get_logger("a", "of mine") is logger.get_logger_factory("of mine").get_logger("a")
    assert logger.get_logger("a") is logger.get_logger_factory().get_logger("a")
    assert logger.get_logger("a") is not logger.get_logger("a", "of mine")


def test_the_default_handler_comes_with_the_first_logger(factory):
    assert factory.handlers == []
    log = factory.get_logger()
    (handler,) = factory.handlers
    assert log.handlers == [handler]
    assert handler.formatter._fmt == LoggerFactory.DEFAULT_LOG_FORMAT
    assert handler.formatter.datefmt == "%Y-%m-%d %H:%M:%S"


def test_a_handler_is_added_to_the_default_one(factory):
    added = Kept()
    factory.add_handler(added)
    default, kept = factory.handlers
    assert isinstance(default, logging.StreamHandler)
    assert kept is added


def test_records_come_in_order_in_one_thread_with_the_callers_name(factory, kept):
    def work():
        for number in range(50):
            factory.get_logger("a").info("%d", number)

    thread = threading.Thread(target=work, name="the caller")
    thread.start()
    thread.join()
    assert kept.texts() == [str(number) for number in range(50)]
    assert kept.threads == {"logger-thread"}
    assert {record.threadName for record in kept.records} == {"the caller"}


def test_a_record_says_where_it_was_logged(factory, kept):
    factory.get_logger().info("here")
    kept.texts()
    (record,) = kept.records
    assert (os.path.basename(record.pathname), record.funcName) == (
        "test_logger.py",
        "test_a_record_says_where_it_was_logged",
    )


def test_what_was_logged_is_what_it_was_then(factory, kept):
    changing = [1]
    for _ in range(100):
        factory.get_logger().info("%s", changing)
    changing.append(2)
    assert set(kept.texts()) == {"[1]"}


def test_arguments_that_do_not_fit_are_reported_and_harm_nobody(factory, kept, capsys):
    stream = logging.StreamHandler()
    factory.add_handler(stream)
    factory.get_logger().info("%d", "text")
    factory.get_logger().info("after")
    assert logger.flush(60)
    assert kept.records[-1].getMessage() == "after"
    assert "Logging error" in capsys.readouterr().err


def test_a_handler_that_fails_keeps_no_record_from_the_others(factory, kept):
    class Failing(logging.Handler):
        failed = 0

        def emit(self, record):
            raise RuntimeError("no")

        def handleError(self, record):
            Failing.failed += 1

    factory.set_handler(Failing())
    factory.add_handler(kept)
    factory.get_logger().info("a")
    assert kept.texts() == ["a"]
    assert Failing.failed == 1


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["d", "i", "w", "e"]),
        ("INFO", ["i", "w", "e"]),
        ("Warn", ["w", "e"]),
        ("WARNING", ["w", "e"]),
        ("ERROR", ["e"]),
        ("CRITICAL", []),
        ("nonsense", ["i", "w", "e"]),
        (None, ["i", "w", "e"]),
    ],
)
def test_a_level_is_for_all_loggers_and_handlers(factory, kept, level, shown):
    log = factory.get_logger("a")
    log.debug("asked once, so that the level is remembered")
    factory.log_level = level
    kept.texts()
    del kept.records[:]
    for text, say in {"d": log.debug, "i": log.info, "w": log.warning, "e": log.error}.items():
        say(text)
    assert kept.texts() == shown
    assert log.isEnabledFor(logging.DEBUG) == (level == "debug")
    assert factory.get_logger("later").level == log.level


def test_setting_a_level_is_logged(factory, kept):
    factory.log_level = "warning"
    factory.log_level = "info"
    assert (kept.texts(), factory.log_level) == (["global logger set to INFO"], "INFO")
    assert kept.records[0].name == "Logger"


def test_a_level_that_is_no_text_is_refused(factory):
    with pytest.raises(TypeError):
        factory.log_level = 10
    with pytest.raises(TypeError):
        LoggerFactory(10)


def test_a_handler_of_its_own_level_keeps_it(factory, kept):
    kept.setLevel("ERROR")
    factory.get_logger().warning("w")
    factory.get_logger().error("e")
    assert kept.texts() == ["e"]


def test_setting_a_handler_replaces_all(factory):
    log = factory.get_logger()
    former = [Kept() for _ in range(4)]
    for handler in former:
        factory.add_handler(handler)
    only = Kept()
    factory.set_handler(only)
    log.info("a")
    assert only.texts() == ["a"]
    assert [handler.records for handler in former] == [[], [], [], []]
    assert factory.handlers == log.handlers == [only]


def test_loggers_without_a_handler_are_silent(factory, kept):
    log = factory.get_logger()
    factory.remove_handler(Kept())
    factory.remove_handler(kept)
    log.info("a")
    factory.get_logger("later").info("b")
    assert kept.texts() == []
    assert factory.handlers == []


def test_a_handler_of_one_logger_alone_stays_with_it(factory, kept):
    alone = Kept()
    log = factory.get_logger("a")
    log.addHandler(alone)
    factory.set_handler(Kept())
    log.info("a")
    factory.get_logger("b").info("b")
    assert alone.texts() == ["a"]


def test_a_handler_gets_no_record_from_before_it_was_added(factory):
    class Waiting(Kept):
        may_go_on = threading.Event()

        def emit(self, record):
            assert self.may_go_on.wait(60)
            super().emit(record)

    waiting, later = Waiting(), Kept()
    factory.set_handler(waiting)
    log = factory.get_logger()
    log.info("a")
    log.info("b")
    log.addHandler(later)
    log.info("c")
    waiting.may_go_on.set()
    assert (waiting.texts(), later.texts()) == (["a", "b", "c"], ["c"])


def test_the_functions_of_the_module_are_for_the_framework():
    framework = logger.get_logger_factory()
    before, handler = list(framework.handlers), Kept()
    try:
        logger.add_handler(handler)
        assert framework.handlers == [*before, handler]
        logger.set_handler(handler)
        logger.set_level("ERROR")
        logger.get_logger("simple_http_server.server").warning("w")
        assert handler.texts() == []
        logger.remove_handler(handler)
        assert framework.handlers == []
    finally:
        framework._set_handlers(before)
        logger.set_level("INFO")


def test_a_handler_may_log_itself(factory):
    class Chatty(Kept):
        def emit(self, record):
            super().emit(record)
            if record.getMessage() == "a":
                factory.get_logger("chatty").info("b")

    chatty = Chatty()
    factory.set_handler(chatty)
    factory.get_logger().info("a")
    assert chatty.texts()[0] == "a"
    assert chatty.texts() == ["a", "b"]


def test_more_records_than_may_wait_are_all_written(factory, kept, monkeypatch):
    monkeypatch.setattr(logger, "MAXIMUM_WAITING", 2)
    for number in range(100):
        factory.get_logger().info(number)
    assert len(kept.texts()) == 100


def test_records_that_find_no_room_are_left_out_and_counted(factory, logged, monkeypatch):
    monkeypatch.setattr(logger, "MAXIMUM_WAITING", 2)
    monkeypatch.setattr(logger, "LONGEST_WAIT", 0.05)
    handles, go_on = threading.Event(), threading.Event()

    class Stalled(Kept):
        def emit(self, record):
            super().emit(record)
            handles.set()
            go_on.wait(60)

    stalled = Stalled()
    factory.set_handler(stalled)
    factory.get_logger().info("handled")
    assert handles.wait(60)
    for number in range(10):
        factory.get_logger().info(number)
    go_on.set()
    assert stalled.texts() == ["handled", "0", "1"]
    factory.get_logger().info("after")
    assert stalled.texts() == ["handled", "0", "1", "after"]
    assert "8 records were left out: there were too many of them" in logged()


def test_a_call_that_fails_keeps_nothing_from_what_waits_behind_it(factory, kept, capsys):
    go_on = threading.Event()
    logger.call_in_order(lambda: go_on.wait(60))
    logger.call_in_order(lambda: 1 / 0)
    factory.get_logger().info("behind")
    go_on.set()
    wait_until(lambda: kept.records, "the record is handled")
    assert kept.texts() == ["behind"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_the_output_cannot_encode_is_written_by_its_number(run_python, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    run = run_python(
        "-c", "from simple_http_server.logger import get_logger; get_logger().info('one \N{SNOWMAN}')"
    )
    assert run.stdout.endswith("INFO: one \\u2603\n")
    assert run.stderr == ""


def test_a_target_that_the_output_cannot_encode_takes_no_line_of_others(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with program(SERVE) as running:
        port = running.port()
        for target in ("/before", "/\N{SNOWMAN}", "/after"):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
                assert client.recv(1)
        running.wait_for('"GET /after HTTP/1.1"')
        assert '"GET /before HTTP/1.1"' in running.log()
        assert '"GET /\\u2603 HTTP/1.1"' in running.log()


def test_lines_for_an_output_that_stands_still_are_left_out_and_counted():
    source = """
from simple_http_server import logger

logger.LONGEST_WAIT = 0.05
go_on = threading.Event()

class Stalled:
    def write(self, text):
        go_on.wait()
        os.write(1, text.encode())

    def flush(self):
        pass

sys.stdout = Stalled()
logger.get_logger_factory().handlers[0].setStream(sys.stdout)

@route("/a")
def a():
    return "a"

def look():
    while not server.is_ready():
        time.sleep(0.01)
    say("PORT", server._server.server.bind().port)
    wait_for_line()
    go_on.set()

threading.Thread(target=look, daemon=True).start()
"""
    with program(source + SERVE) as running:
        port = int(running.wait_for(r"PORT (\d+)")[1])
        for _ in range(50):
            assert ask(port, "/a")[1] == b"a"
            time.sleep(0.01)
        running.tell()

        def is_said():
            ask(port, "/a")
            time.sleep(0.05)
            return re.search(r"WARNING: \d+ lines were left out: the output stood still", running.log())

        wait_until(is_said, "what was left out is said")


SERVE = """
server.start(host="127.0.0.1", port=0)
"""


def test_what_waits_at_the_end_of_the_interpreter_is_written(run_python):
    run = run_python(
        "-c",
        """
import logging, sys, time
from simple_http_server import logger

class Slow(logging.StreamHandler):
    def emit(self, record):
        time.sleep(0.01)
        super().emit(record)

factory = logger.get_logger_factory("mine")
factory.set_handler(Slow(sys.stdout))
for number in range(20):
    factory.get_logger().info(number)
""",
    )
    assert run.stdout.split() == [str(number) for number in range(20)]


def test_what_is_logged_by_other_handlers_of_the_end_is_written(run_python):
    run = run_python(
        "-c",
        """
import atexit
atexit.register(lambda: log.info("at the end"))
from simple_http_server.logger import get_logger
log = get_logger()
log.info("before")
""",
    )
    assert [line.rpartition(": ")[2] for line in run.stdout.splitlines()] == ["before", "at the end"]


def test_a_child_of_a_fork_writes_its_own_records_and_those_only(run_python):
    run = run_python(
        "-c",
        """
import logging, os, sys, time
from simple_http_server import logger

class Slow(logging.StreamHandler):
    def emit(self, record):
        time.sleep(0.01)
        super().emit(record)
        self.flush()

factory = logger.get_logger_factory("mine")
factory.set_handler(Slow(sys.stdout))
log = factory.get_logger()
for number in range(10):
    log.info("parent")
child = os.fork()
log.info("parent" if child else "child")
if child:
    os.waitpid(child, 0)
""",
    )
    assert sorted(run.stdout.split()) == ["child"] + ["parent"] * 11
