#!/usr/bin/env python3
"""WebSocket as others speak it: sessions of the Python packages `websocket-client` and `websockets` with
examples/conformance.rs, over HTTP/1.1, compressed and not. Prints how many exchanges were as they should be.

The two packages are in the .venv that `make python` makes; `make conformance` runs this with it.
"""

import argparse
import asyncio

import websocket
import websockets
from websockets.asyncio.client import connect

import servers

TEXTS = ["", "hello", "grüße, 世界", "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536, "y" * 900_000]
BYTES = [b"", b"\x00\xff", bytes(range(256)) * 300]


class Ledger:
    """What was compared, and what was not as it should be."""

    def __init__(self):
        self.count = 0
        self.failures = []

    def check(self, what, found, wanted):
        self.count += 1
        if found != wanted:
            self.failures.append(f"{what}: {str(found)[:80]!r}, not {str(wanted)[:80]!r}")


def with_websocket_client(address, ledger):
    """`websocket-client`: blocking, without compression, fragments on demand."""
    url = f"ws://{address[0]}:{address[1]}/websocket/echo"
    client = websocket.create_connection(url, timeout=20, subprotocols=["soap", "echo"])
    ledger.check("websocket-client: subprotocol", client.subprotocol, "echo")
    for text in TEXTS:
        client.send(text)
        ledger.check(f"websocket-client: text of {len(text)}", client.recv(), text)
    for data in BYTES:
        client.send_binary(data)
        ledger.check(f"websocket-client: {len(data)} bytes", client.recv(), data)
    for opcode, fin, part in [(websocket.ABNF.OPCODE_TEXT, 0, "in "), (websocket.ABNF.OPCODE_CONT, 1, "two")]:
        client.send_frame(websocket.ABNF.create_frame(part, opcode, fin))
    ledger.check("websocket-client: fragments", client.recv(), "in two")
    client.ping("are you there?")
    opcode, data = client.recv_data(control_frame=True)
    ledger.check("websocket-client: pong", (opcode, data), (websocket.ABNF.OPCODE_PONG, b"are you there?"))
    client.send("close")
    opcode, data = client.recv_data(control_frame=True)
    closed = (opcode, int.from_bytes(data[:2]), data[2:])
    ledger.check("websocket-client: close", closed, (websocket.ABNF.OPCODE_CLOSE, 4001, b"as you wish"))
    client.close()
    try:
        websocket.create_connection(f"{url}?refuse=403", timeout=20)
        ledger.check("websocket-client: refusal", "none", 403)
    except websocket.WebSocketBadStatusException as error:
        ledger.check("websocket-client: refusal", error.status_code, 403)
    try:
        websocket.create_connection(url, timeout=20, origin="http://evil.example")
        ledger.check("websocket-client: another origin", "none", 403)
    except websocket.WebSocketBadStatusException as error:
        ledger.check("websocket-client: another origin", error.status_code, 403)


async def with_websockets(address, ledger, compression):
    """`websockets`: asynchronous, with compression or without."""
    name = f"websockets, {compression or 'plain'}"
    url = f"ws://{address[0]}:{address[1]}/websocket"
    async with connect(f"{url}/echo", compression=compression, open_timeout=20) as client:
        ledger.check(f"{name}: extension", bool(client.protocol.extensions), compression is not None)
        for message in [*TEXTS, *BYTES]:
            await client.send(message)
            ledger.check(f"{name}: {type(message).__name__} of {len(message)}", await client.recv(), message)
        await client.send(["in ", "three ", "frames"])
        ledger.check(f"{name}: fragments", await client.recv(), "in three frames")
        for _ in range(20):
            await client.send("z" * 5_000)
            ledger.check(f"{name}: the same again", await client.recv(), "z" * 5_000)
        await asyncio.wait_for(await client.ping(), 20)
        await client.send("ping")
        ledger.check(f"{name}: the server's ping is answered", await client.recv(), b"are you there?")
        await client.send("fail")
        await client.wait_closed()
        ledger.check(f"{name}: a handler that fails", client.close_code, 1011)
    async with connect(f"{url}/echo", compression=compression) as client:
        await client.close(4002, "enough")
        ledger.check(f"{name}: close", client.close_code, 4002)
    async with connect(f"{url}/room/tea") as ada, connect(f"{url}/room/tea") as bob:
        joined = [await ada.recv(), await bob.recv()]
        ledger.check(f"{name}: two join a room", joined, ["in tea", "in tea"])
        await ada.send("hello")
        heard = [await ada.recv(), await asyncio.wait_for(bob.recv(), 20)]
        ledger.check(f"{name}: a room", heard, ["hello", "hello"])
    try:
        async with connect(f"{url}/nowhere"):
            ledger.check(f"{name}: no endpoint", "open", 404)
    except websockets.exceptions.InvalidStatus as error:
        ledger.check(f"{name}: no endpoint", error.response.status_code, 404)


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    ledger = Ledger()
    with servers.running(servers.build()) as server:
        with_websocket_client(server.address, ledger)
        for compression in (None, "deflate"):
            asyncio.run(with_websockets(server.address, ledger, compression))
    servers.finish(ledger.failures, f"{ledger.count} exchanges")


if __name__ == "__main__":
    main()
