#!/usr/bin/env python3
"""Idle connections: how long they take to connect, what they cost, and that the server still answers.

They connect all at once, so the listening backlog must hold them. Each makes two requests, one with a body, and
rests; a body must not keep a connection from resting.
"""

import argparse
import contextlib
import errno
import select
import socket
import time

import servers

BODY = b"x" * 100
REQUEST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n" + BODY
SECOND = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connect_all(server, count, stack):
    """Begins all connections before it waits for any."""
    connections = []
    for _ in range(count):
        connection = stack.enter_context(socket.socket())
        connection.setblocking(False)
        if connection.connect_ex(server.address) not in (0, errno.EINPROGRESS):
            raise OSError("a connection cannot be begun")
        connections.append(connection)
    poller = select.epoll()
    waiting = {connection.fileno(): connection for connection in connections}
    for descriptor in waiting:
        poller.register(descriptor, select.EPOLLOUT)
    deadline = time.monotonic() + 120
    while waiting and time.monotonic() < deadline:
        for descriptor, _ in poller.poll(1):
            connection = waiting.pop(descriptor)
            poller.unregister(descriptor)
            if error := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, "a connection was refused")
    poller.close()
    for connection in connections:
        connection.settimeout(30)
    return connections


def ask(connection, request, end):
    connection.sendall(request)
    answer = b""
    while not answer.endswith(end) and (piece := connection.recv(4096)):
        answer += piece
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(end)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000, help="(%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=5, help="that a connection may take at most (%(default)s)"
    )
    options = parser.parse_args()
    count = options.connections
    servers.allow_descriptors(count + 200)
    failures = []
    with (
        servers.running(servers.build(release=True), "idle_timeout=600") as server,
        contextlib.ExitStack() as stack,
    ):
        server.get("/")
        before = server.resident_kib()
        began = time.monotonic()
        connections = connect_all(server, count, stack)
        connecting = time.monotonic() - began
        wrong = sum(not ask(connection, SECOND, b"Hello, World!") for connection in connections)
        wrong += sum(not ask(connection, REQUEST, BODY) for connection in connections)
        time.sleep(2)
        idle = server.resident_kib()
        cpu = server.cpu_seconds()
        time.sleep(5)
        cpu = server.cpu_seconds() - cpu
        began = time.monotonic()
        wrong += sum(server.get("/") != (200, b"Hello, World!") for _ in range(100))
        others = (time.monotonic() - began) / 100
        wrong += sum(not ask(connection, SECOND, b"Hello, World!") for connection in connections)
    if wrong:
        failures.append(f"{wrong} answers were wrong")
    if connecting > options.seconds:
        failures.append(f"it took {connecting:.1f} s to connect")
    if (idle - before) / count > 12:
        failures.append("a resting connection takes more than 12 KiB")
    servers.finish(
        failures,
        f"{count} connections in {connecting:.2f} s; memory {before} → {idle} KiB, {(idle - before) / count:.1f} KiB "
        f"each; {cpu:.2f} s of CPU in 5 s of rest; a request of another takes {others * 1000:.1f} ms",
    )


if __name__ == "__main__":
    main()
