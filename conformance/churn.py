#!/usr/bin/env python3
"""Connections that come and go: connect, one request, close, at full rate; descriptors and memory stay flat."""

import argparse
import contextlib
import multiprocessing
import socket
import struct
import time

import servers

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
KEPT = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


def churn(address, seconds, results):
    """Comes and goes, in turn politely, by closing first, by resetting in the middle, and without a word."""
    made = wrong = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionResetError), socket.create_connection(address, 10) as connection:
            way = made % 8
            made += 1
            # TIME_WAIT on this side would use up the ports
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            if way == 7:
                continue
            connection.sendall(KEPT if way == 6 else REQUEST)
            if way == 5:
                continue
            answer = connection.recv(4096)
            wrong += not (answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"Hello, World!"))
    results.put((made, wrong))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="(%(default)s)")
    parser.add_argument("--processes", type=int, default=4, help="of clients (%(default)s)")
    options = parser.parse_args()
    failures = []
    with servers.running(servers.build(release=True)) as server:
        load(server, options.processes, 3)  # what the allocator keeps, it has by then
        before = (server.descriptors(), server.resident_kib())
        cpu = server.cpu_seconds()
        made, wrong = load(server, options.processes, options.seconds)
        cpu = server.cpu_seconds() - cpu
        after = settled(server, before[0])
    if wrong:
        failures.append(f"{wrong} answers were wrong")
    if after[0] > before[0] + 2:
        failures.append(f"{after[0] - before[0]} more descriptors are open")
    if after[1] > before[1] + 4096:
        failures.append(f"{after[1] - before[1]} KiB more memory")
    servers.finish(
        failures,
        f"{made} connections in {options.seconds} s ({made / options.seconds:.0f}/s, {cpu / made * 1e6:.0f} µs of the "
        f"server's CPU each); descriptors {before[0]} → {after[0]}, memory {before[1]} → {after[1]} KiB",
    )


def load(server, processes, seconds):
    results = multiprocessing.Queue()
    clients = [
        multiprocessing.Process(target=churn, args=(server.address, seconds, results))
        for _ in range(processes)
    ]
    for client in clients:
        client.start()
    totals = [results.get() for _ in clients]
    for client in clients:
        client.join()
    return sum(made for made, _ in totals), sum(wrong for _, wrong in totals)


def settled(server, wanted):
    """Gives the server a moment to notice the last clients that left."""
    deadline = time.monotonic() + 5
    while server.descriptors() > wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return server.descriptors(), server.resident_kib()


if __name__ == "__main__":
    main()
