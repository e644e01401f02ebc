"""Processes that an application forks: what serves, and what logs, is their parent's."""

import os
import signal

import pytest
from programs import MODES, program, text

START = """
def serve():
    server.start(host="127.0.0.1", port=0)

threading.Thread(target=serve, daemon=True).start()
while not server.is_ready():
    time.sleep(0.01)
"""

FORK = """
process = os.fork()
if process == 0:
    signal.alarm(30)  # ends one that hangs
    sys.exit(7)
say("STATUS", os.waitpid(process, 0)[1] / 256)
"""


def test_one_that_is_forked_while_lines_are_handed_on_ends():
    source = """
import logging
from simple_http_server import logger

held, go_on = threading.Event(), threading.Event()

class Slow(logging.Filter):
    def filter(self, record):
        held.set()
        go_on.wait()
        return True

logger.get_logger("simple_http_server.engine").addFilter(Slow())
"""
    with program(source + START + "\nheld.wait()" + FORK + "\ngo_on.set()") as running:
        running.wait_for("STATUS 7.0")
        assert running.end() == 0


def test_one_that_is_forked_may_serve_itself_and_be_ended_by_a_signal():
    serve = """
process = os.fork()
if process == 0:
    signal.alarm(30)  # ends one that hangs
    threading.Thread(target=lambda: (wait_for_line(), os.kill(os.getpid(), signal.SIGTERM))).start()
    HttpServer(("127.0.0.1", 0)).start()
    os._exit(7)
say("STATUS", os.waitpid(process, 0)[1] / 256)
say("READY", server.is_ready())
"""
    with program(START + serve) as running:
        running.wait_for("listen to port", 2)
        running.tell()
        running.wait_for("STATUS 7.0")
        running.wait_for("READY True")
        assert running.end() == 0


def test_one_that_is_forked_ends_no_server_of_its_parent():
    source = """
import simple_http_server._serving as serving

parent, end = os.getpid(), serving.Serving._end_with_interpreter

def end_in_parent(self):
    say("ENDS", os.getpid() == parent)
    end(self)

serving.Serving._end_with_interpreter = end_in_parent
"""
    with program(source + START + FORK) as running:
        running.wait_for("STATUS 7.0")
        assert running.end() == 0
        assert running.log().count("ENDS") == running.log().count("ENDS True") == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_signal_ends_one_that_is_forked(mode):
    source = """
@route("/fork")
def fork():
    process = os.fork()
    if process == 0:
        say("FORKED")
        signal.alarm(30)  # ends it where nothing else does
        while True:
            time.sleep(0.01)
    return str(process)

@route("/status")
def status(process: int = 0):
    return str(os.waitpid(process, 0)[1])

server.start(host="127.0.0.1", port=0, prefer_coroutine=sys.argv[1] == "coroutines")
say("ENDED")
"""
    with program(source, mode) as running:
        process = text(running.port(), "/fork")
        running.wait_for("FORKED")
        os.kill(int(process), signal.SIGTERM)
        assert text(running.port(), f"/status?process={process}") == str(int(signal.SIGTERM))
        running.signal(signal.SIGTERM)
        running.wait_for("ENDED")
        assert running.end() == 0
