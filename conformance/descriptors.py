#!/usr/bin/env python3
"""Too many open files: a server that has run out of descriptors goes on, and recovers.

The server may have few descriptors. More clients connect than it can accept: those who are served go on being served,
the others wait, nothing spins, and when the first ones leave the server takes new ones at once.
"""

import argparse
import contextlib
import time

import servers

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def ask(connection):
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"Hello, World!") and (piece := connection.recv(4096)):
        answer += piece
    return answer.startswith(b"HTTP/1.1 200 ")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--descriptors", type=int, default=100, help="that the server may have (%(default)s)")
    options = parser.parse_args()
    failures = []
    with servers.running(servers.build(release=True), descriptors=options.descriptors) as server:
        with contextlib.ExitStack() as stack:
            crowd = [stack.enter_context(server.connect()) for _ in range(3 * options.descriptors)]
            served = ask(crowd[0])
            cpu, began = server.cpu_seconds(), time.monotonic()
            open_files = server.descriptors()
            while time.monotonic() < began + 3:
                served &= ask(crowd[0])
                time.sleep(0.1)
            cpu = server.cpu_seconds() - cpu
        began = time.monotonic()
        recovered = server.get("/") == (200, b"Hello, World!")
        waited = time.monotonic() - began
        for _ in range(100):
            recovered &= server.get("/") == (200, b"Hello, World!")
    if not served:
        failures.append("a client that was served before was no longer")
    if not recovered:
        failures.append("it has not recovered")
    if cpu > 0.5:
        failures.append(f"it took {cpu:.1f} s of CPU in 3 s, for nothing")
    if waited > 2:
        failures.append(f"it took {waited:.1f} s to recover")
    servers.finish(
        failures,
        f"{len(crowd)} clients, {open_files} of {options.descriptors} descriptors in use: {cpu:.2f} s of CPU in 3 s; "
        f"recovered after {waited * 1000:.0f} ms",
    )


if __name__ == "__main__":
    main()
