"""Answers that controllers send themselves, whole or piece by piece."""

import asyncio
import contextlib
import threading

from programs import PATIENCE, ask, program
from running import running

from simple_http_server import AppConf, Response
from simple_http_server.server import init_asgi_proxy

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


def test_a_client_of_an_asgi_server_that_does_not_read_ends_the_controller():
    written = []
    conf = AppConf()

    @conf.route("/much")
    async def much(res=Response()):
        for _ in range(200):
            res.write_bytes(b"x" * 1_000_000)
            written.append(1_000_000)
            await asyncio.sleep(0)

    async def converse():
        reads = asyncio.Event()
        messages = [{"type": "http.request"}]
        ended = asyncio.Event()

        async def receive():
            if not messages:
                await ended.wait()
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message):
            await reads.wait()
            if not message.get("more_body", True):
                ended.set()

        scope = {"type": "http", "method": "GET", "path": "/much", "headers": []}
        answering = asyncio.ensure_future(init_asgi_proxy(app_conf=conf).app_proxy(scope, receive, send))
        before = -1
        while before < len(written):
            before = len(written)
            for _ in range(100):
                await asyncio.sleep(0)
        reads.set()
        with contextlib.suppress(OSError):
            await asyncio.wait_for(answering, PATIENCE)

    asyncio.run(converse())
    assert 1_000_000 < sum(written) <= 64 * 1024 * 1024
