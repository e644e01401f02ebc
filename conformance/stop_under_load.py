#!/usr/bin/env python3
"""Whether a stop loses requests: SIGTERM in the middle of steady load, again and again.

Half of the clients keep their connections, half make one for each request. A request counts as lost when its
connection was established, it was sent before the end of the connection could be seen, and no answer came.
"""

import argparse
import collections
import select
import signal
import socket
import sys
import threading
import time

import servers

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def main():
    options = command_line()
    executable = servers.build(release=options.release)
    total = collections.Counter()
    for round_number in range(options.rounds):
        total += one_round(executable, options.clients, options.seconds * (1 + round_number % 7 / 7))
    print(
        f"{options.rounds} stops under the load of {options.clients} clients: "
        f"{total['requests']} requests, {total['connections']} connections, lost = {total['lost']}"
    )
    for what, count in sorted(total.items()):
        if what.startswith("lost: "):
            print(f"  {count} {what}")
    sys.exit(total["lost"] > 0 or total["requests"] == 0)


def one_round(executable, clients, seconds):
    """Starts a server, loads it, stops it; returns what the clients counted."""
    # where nobody else can be met at the port that becomes free
    server = servers.Server(executable, "host=127.0.0.2")
    counts = [collections.Counter() for _ in range(clients)]
    threads = [
        threading.Thread(target=ask, args=(server.address, number % 2 == 0, count))
        for number, count in enumerate(counts)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    if server.process.wait(30) != 0:
        sys.exit(f"the server ended with {server.process.returncode}")
    return sum(counts, collections.Counter())


def ask(address, keep, count):
    """Asks until the server refuses."""
    while True:
        try:
            connection = socket.create_connection(address, 30)
        except ConnectionRefusedError:
            return
        count["connections"] += 1
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not is_ended(connection):
                try:
                    connection.sendall(REQUEST)
                    closes = read_answer(connection)
                except (OSError, EOFError) as error:
                    count["lost"] += 1
                    count[f"lost: {error!r}"] += 1
                    break
                count["requests"] += 1
                if closes or not keep:
                    break


def is_ended(connection):
    """Whether the server has closed already."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable)


def read_answer(connection):
    """Reads one answer; whether it says that the connection closes."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += read(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += read(connection)
    return fields.get(b"connection") == b"close"


def read(connection):
    piece = connection.recv(65536)
    if not piece:
        raise EOFError("the connection ended without an answer")
    return piece


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=0.5, help="the load before each stop, at least")
    parser.add_argument("--release", action="store_true", help="measure a release build")
    return parser.parse_args()


if __name__ == "__main__":
    main()
