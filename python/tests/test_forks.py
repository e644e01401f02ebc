"""Processes that an application forks: what serves, and what logs, is their parent's."""

from programs import program

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
