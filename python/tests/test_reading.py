"""The body of a request piece by piece, wherever and however it is read."""

import asyncio
import contextlib
import http.client
import queue
import threading

import pytest
from programs import PATIENCE, program
from running import running

from simple_http_server import AppConf, RequestBodyReader, Response
from simple_http_server.server import init_asgi_proxy

MODES = [False, True]


class Hosted:
    """An application that is called as an ASGI server would; the client's pieces are put into ``messages``."""

    def __init__(self, controller):
        conf = AppConf()
        conf.route("/x", method="POST")(controller)
        self.messages = asyncio.Queue()
        self.sent = asyncio.Queue()
        scope = {"type": "http", "method": "POST", "path": "/x", "headers": []}
        proxy = init_asgi_proxy(app_conf=conf)
        self.answering = asyncio.ensure_future(proxy.app_proxy(scope, self.messages.get, self.sent.put))

    def feed(self, piece, more=True):
        self.messages.put_nowait({"type": "http.request", "body": piece, "more_body": more})

    async def next_of_body(self):
        """The next message that is sent with a piece of the answer's body."""
        while True:
            message = await asyncio.wait_for(self.sent.get(), PATIENCE)
            if message.get("body"):
                return message["body"]

    async def end(self):
        await asyncio.wait_for(self.answering, PATIENCE)


async def read_elsewhere(reader, read):
    """What this makes of a reader in the event loop of another thread."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: asyncio.run(read(reader)))


def test_all_pieces_come_to_another_thread_behind_an_asgi_server():
    taken = []

    async def controller(reader: RequestBodyReader):
        async def read(reader):
            while piece := await reader.read(100):
                taken.append(piece)

        await read_elsewhere(reader, read)
        return b"|".join(taken)

    async def run():
        hosted = Hosted(controller)
        for number in range(5):
            hosted.feed(b"piece %d" % number)
            while len(taken) <= number:
                assert not hosted.answering.done()
                await asyncio.sleep(0.001)
        hosted.feed(b"", more=False)
        body = await hosted.next_of_body()
        hosted.messages.put_nowait({"type": "http.disconnect"})
        await hosted.end()
        return body

    body = asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert body == b"piece 0|piece 1|piece 2|piece 3|piece 4"


def test_what_a_thread_writes_after_such_a_read_is_sent_before_the_controller_ends():
    async def run():
        sent = asyncio.Event()

        async def controller(reader: RequestBodyReader, res=Response()):
            await read_elsewhere(reader, lambda reader: reader.read(100))
            await asyncio.get_running_loop().run_in_executor(None, res.write_bytes, b"from a thread")
            await sent.wait()
            res.write_bytes(b"at last")

        hosted = Hosted(controller)
        await asyncio.sleep(0.05)  # so that the thread waits for it
        hosted.feed(b"all of it", more=False)
        assert await hosted.next_of_body() == b"from a thread"
        sent.set()
        assert await hosted.next_of_body() == b"at last"
        hosted.messages.put_nowait({"type": "http.disconnect"})
        await hosted.end()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


@pytest.mark.parametrize("coroutine", MODES)
@pytest.mark.parametrize("wanted", [10, -1])
def test_a_read_that_is_cancelled_loses_nothing(coroutine, wanted):
    steps = queue.Queue()
    conf = AppConf()

    @conf.route("/x", method="POST")
    async def controller(reader: RequestBodyReader):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(wanted), 0.01)
            return "nothing was there to be read"
        steps.put("given up")
        while not has_sent.is_set():
            await asyncio.sleep(0.001)
        taken = [await reader.read(5), await reader.read()]
        return b"|".join(taken)

    has_sent = threading.Event()
    with running(conf, coroutine=coroutine) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.putrequest("POST", "/x")
        connection.putheader("Content-Length", "10")
        connection.putheader("Content-Type", "application/octet-stream")
        connection.endheaders()
        assert steps.get(timeout=PATIENCE) == "given up"
        connection.send(b"01234")
        has_sent.set()
        connection.send(b"56789")
        assert connection.getresponse().read() == b"01234|56789"
        connection.close()


def test_two_cannot_read_at_once():
    refused = []
    conf = AppConf()

    @conf.route("/x", method="POST")
    async def controller(reader: RequestBodyReader):
        first = asyncio.ensure_future(reader.read(5))
        await asyncio.sleep(0)
        try:
            await reader.read(5)
        except RuntimeError as error:
            refused.append(str(error))
        may_send.set()
        return await first

    may_send = threading.Event()
    with running(conf) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.putrequest("POST", "/x")
        connection.putheader("Content-Length", "5")
        connection.endheaders()
        assert may_send.wait(PATIENCE)
        connection.send(b"01234")
        assert connection.getresponse().read() == b"01234"
        connection.close()
    assert refused == ["this body is being read already"]


ENDS_WHILE_IT_READS = """
from simple_http_server._engine import AsgiExchange

@route("/x", method="POST")
def controller(reader: RequestBodyReader):
    reader._reader.wait(1, say)
    return "x"

class Late:
    def __init__(self, feed, sleep, write):
        self.feed, self.sleep, self.write = feed, sleep, write

    def __del__(self):
        self.feed(b"late", False)
        self.sleep(0.3)
        self.write(1, b"over")

scope = {"type": "http", "method": "POST", "path": "/x", "headers": []}
exchange = AsgiExchange(server.init_asgi_proxy().build(), scope, None)
exchange.advance()
sys.late = Late(exchange.feed, time.sleep, os.write)
say("ends")
"""


def test_a_piece_that_comes_while_the_interpreter_ends_disturbs_nothing():
    """What `sys` has goes when no other thread can have the interpreter any more."""
    with program(ENDS_WHILE_IT_READS) as ending:
        assert ending.end() == 0
        assert ending.log() == "ends\nover"
