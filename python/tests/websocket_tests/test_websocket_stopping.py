"""A server that stops while connections are open."""

import asyncio
import threading

from raw_client import CLOSE, PATIENCE, TEXT, close_payload


def test_a_stop_tells_clients_and_handlers(conf, serve, connect, seen):
    servers = []
    conf.websocket_close("/w")(lambda session, reason: seen(reason))
    conf.websocket_message("/w")(lambda session, message: servers[0].shutdown())
    client = connect(serve(started=servers.append), "/w")
    client.send(TEXT, b"stop")
    assert client.receive() == (True, CLOSE, close_payload(1001, "server is shutting down"))
    client.close()
    assert seen.next() == "Server asked to close connection."


def test_an_event_that_does_not_end_ends_no_later_than_the_deadline(conf, serve, connect, seen, mode):
    servers = []
    gate = threading.Event()

    @conf.websocket_message("/w")
    async def wait(session, message):
        seen("begun")
        if mode == "threads":
            gate.wait(PATIENCE)
        else:
            await asyncio.sleep(PATIENCE)

    client = connect(serve(started=servers.append, drain_deadline=0.2), "/w")
    client.send(TEXT, b"wait")
    assert seen.next() == "begun"
    servers[0].shutdown()
    assert client.receive() == (True, CLOSE, close_payload(1001, "server is shutting down"))
    assert client.has_ended()
    gate.set()
