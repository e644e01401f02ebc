"""Clients that others have written: ``websocket-client`` and ``websockets``."""

import asyncio

import pytest
import websocket
import websockets
from websockets.asyncio.client import connect as connect_async

from simple_http_server import WebsocketHandler


@pytest.fixture
def url(conf, serve, seen):
    """Where everything is echoed, by plain functions and by coroutines."""

    @conf.websocket_handler("/echo/{room}")
    class Echo(WebsocketHandler):
        def on_handshake(self, request):
            if request.path_values["room"] == "closed":
                return 403, {"X-Why": "closed"}
            offered = request.headers.get("Sec-WebSocket-Protocol", "")
            return {"Sec-WebSocket-Protocol": "chat"} if "chat" in offered else None

        def on_text_message(self, session, message):
            if message == "bye":
                session.close("it was nice")
            else:
                session.send(message)

        def on_binary_message(self, session, message):
            session.send_binary(message, chunk_size=1000)

        def on_pong_message(self, session, message):
            seen("pong", message)

        def on_close(self, session, reason):
            seen(reason, getattr(reason, "code", None), getattr(reason, "reason", None))

    @conf.websocket_handler("/later", singleton=False)
    class Later:
        async def on_open(self, session):
            self.count = 0

        async def on_text_message(self, session, message):
            self.count += 1
            await asyncio.sleep(0)
            session.send(f"{self.count} {message}")

    return f"ws://127.0.0.1:{serve()}"


def test_websocket_client_talks(url, seen):
    client = websocket.create_connection(f"{url}/echo/blue", timeout=60, subprotocols=["other", "chat"])
    assert client.getsubprotocol() == "chat"
    for text in ("", "größer", "x" * 100_000):
        client.send(text)
        assert client.recv() == text
    for size in (0, 999, 1000, 1001, 500_000):
        client.send_binary(bytes(size))
        assert client.recv() == bytes(size)
    client.ping(b"are you there")
    assert client.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"are you there")
    client.pong(b"I am")
    assert seen.next() == ("pong", b"I am")
    client.close(4000, b"that was all")
    assert seen.next() == ("Client asked to close connection.", 4000, "that was all")


def test_websocket_client_is_refused(url, seen):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(f"{url}/echo/closed", timeout=60)
    assert refused.value.status_code == 403
    assert refused.value.resp_headers["x-why"] == "closed"
    assert seen.next() == (None, None, None)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(f"{url}/nowhere", timeout=60)
    assert refused.value.status_code == 404


def test_websockets_talks_compressed(url, seen):
    async def talk():
        async with connect_async(f"{url}/echo/blue", max_size=None) as client:
            assert "permessage-deflate" in client.response.headers["Sec-WebSocket-Extensions"]
            for message in ("", "größer", "x" * 100_000, b"", bytes(500_000)):
                await client.send(message)
                assert await client.recv() == message
            # fragments
            await client.send(["frag", "ments"])
            assert await client.recv() == "fragments"
            await client.send([b"a" * 2000, b"b"])
            assert await client.recv() == b"a" * 2000 + b"b"
            await (await client.ping())
            await client.send("bye")
            with pytest.raises(websockets.ConnectionClosedOK):
                await client.recv()
            assert (client.close_code, client.close_reason) == (1000, "it was nice")

    asyncio.run(asyncio.wait_for(talk(), 60))
    assert seen.next() == ("Server asked to close connection.", None, "")


def test_many_connections_talk_at_once(url):
    async def talk(number):
        async with connect_async(f"{url}/later") as client:
            for count in range(1, 21):
                await client.send(f"from {number}")
                assert await client.recv() == f"{count} from {number}"

    async def all_of_them():
        await asyncio.gather(*(talk(number) for number in range(40)))

    asyncio.run(asyncio.wait_for(all_of_them(), 120))
