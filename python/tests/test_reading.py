"""The body of a request piece by piece, wherever and however it is read."""

import asyncio

from programs import PATIENCE

from simple_http_server import AppConf, RequestBodyReader, Response
from simple_http_server.server import init_asgi_proxy


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
