#!/usr/bin/env python3
"""Slow clients are cut in time, and others do not notice.

Many clients send a head byte by byte, a body byte by byte, or read an endless answer so slowly that the server would
wait for ever. Meanwhile another client asks on; what is measured is how long it waits, when the slow ones are let go,
and what of them is left.
"""

import argparse
import contextlib
import selectors
import socket
import threading
import time

import servers

TIMEOUT = 3
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
READER = b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Asker(threading.Thread):
    """Asks on a connection of its own for each request, and takes the time of each answer."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.times, self.wrong, self.over = server, [], 0, False

    def run(self):
        while not self.over:
            began = time.monotonic()
            try:
                self.wrong += self.server.get("/") != (200, b"Hello, World!")
            except OSError:
                self.wrong += 1
            self.times.append(time.monotonic() - began)
            time.sleep(0.01)


def run(server, kind, start, count, reads):
    """Lets so many slow clients do the same; returns by when each was cut, and who never was."""
    began = time.monotonic()
    cut, selector = [], selectors.DefaultSelector()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.socket())
            # little room, so that the server notices soon that nothing is read
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(server.address)
            connection.sendall(start)
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
        opened = time.monotonic()
        while selector.get_map() and time.monotonic() < opened + 10 * TIMEOUT:
            time.sleep(0.2)
            for connection in [key.fileobj for key in selector.get_map().values()]:
                try:
                    over = step(connection, reads)
                except BlockingIOError:
                    over = False
                except OSError:
                    over = True
                if over:
                    selector.unregister(connection)
                    cut.append(time.monotonic() - began)
        left = len(selector.get_map())
        selector.close()
    print(f"{kind}: {len(cut)} of {count} cut, the last after {max(cut, default=0):.1f} s")
    return [f"{left} clients with a {kind} were never cut"] if left else []


def step(connection, reads):
    """Does what a slow client does now and then; returns whether the connection is over."""
    if reads:
        # a reset is seen before what came before it has been read
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or connection.recv(1) == b""
    connection.send(b"x")
    answer = connection.recv(65536)  # nothing yet, as long as it is not cut
    return answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=300, help="of each kind (%(default)s)")
    options = parser.parse_args()
    servers.allow_descriptors(2 * options.clients + 200)
    executable = servers.build(release=True)
    settings = [
        f"{name}={TIMEOUT}" for name in ("header_timeout", "body_timeout", "write_timeout", "idle_timeout")
    ]
    failures = []
    with servers.running(executable, *settings, "write_rate=100000") as server:
        server.get("/")
        before = server.resident_kib()
        asker = Asker(server)
        asker.start()
        for kind, start, reads in (
            ("slow head", HEAD, False),
            ("slow body", BODY, False),
            ("slow reader", READER, True),
        ):
            failures += run(server, kind, start, options.clients, reads)
        asker.over = True
        asker.join()
        time.sleep(1)
        left = server.descriptors()
        after = server.resident_kib()
    times = sorted(asker.times)
    worst, median = times[-1] * 1000, times[len(times) // 2] * 1000
    if asker.wrong:
        failures.append(f"{asker.wrong} answers to others were wrong")
    if worst > 1000:
        failures.append(f"another client waited for {worst:.0f} ms")
    if left > 40:
        failures.append(f"{left} descriptors are still open")
    servers.finish(
        failures,
        f"meanwhile {len(times)} requests of others: median {median:.1f} ms, longest {worst:.1f} ms; "
        f"{left} descriptors left, {before} KiB before, {after} KiB after",
    )


if __name__ == "__main__":
    main()
