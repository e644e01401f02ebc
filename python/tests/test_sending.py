"""Answers that controllers send themselves, whole or piece by piece."""

import threading

from programs import PATIENCE, ask, program
from running import running

from simple_http_server import AppConf, Response

ASKS_WHAT_IT_ANSWERS = """
class Odd:
    def __init__(self, response):
        self.response = response

    def __repr__(self):
        asking = threading.Thread(target=lambda: self.response.is_sent)
        asking.start()
        asking.join()
        return f"odd, {self.response.is_sent}"

@route("/odd")
def odd(res=Response()):
    res.headers["X-Odd"] = Odd(res)
    res.write_bytes(b"begun")

server.start(host="127.0.0.1", port=0)
"""


def test_whether_a_response_is_sent_may_be_asked_while_it_begins():
    """By what is made into its head, and by other threads."""
    with program(ASKS_WHAT_IT_ANSWERS) as running:
        answer, body = ask(running.port(), "/odd")
        assert (answer.status, body) == (200, b"begun")
        running.wait_for("The header X-Odd is not sent: odd, False")


def test_a_response_begins_once_however_many_threads_write():
    refused = []
    conf = AppConf()

    @conf.route("/together")
    def together(res=Response()):
        start = threading.Barrier(4)

        def write():
            start.wait(PATIENCE)
            try:
                res.write_bytes(b"x")
            except AssertionError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    with running(conf) as port:
        answer, body = ask(port, "/together")
    assert answer.status == 200
    assert len(body) + len(refused) == 4
    assert set(body) == set(b"x")
    assert set(refused) <= {"This response has been sent"}
