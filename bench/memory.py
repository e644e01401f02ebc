#!/usr/bin/env python3
"""Resident memory of servers: just started, and with many idle connections that made one request each."""

import argparse
import resource
import select
import socket
import sys
import tempfile
import time
from pathlib import Path

import servers

# A source address has about 28,000 ports to offer; all of 127.0.0.0/8 is loopback.
CONNECTIONS_PER_ADDRESS = 20_000

# From <linux/in.h>: the port is chosen as the connection is made. The choice at `bind` is slow when many are taken.
IP_BIND_ADDRESS_NO_PORT = 24


def main():
    options = command_line()
    allow_open_files(options.connections + 1000)
    machine = servers.machine()
    with tempfile.TemporaryDirectory() as files:
        servers.write_static_files(Path(files))
        figures = {name: measure(name, files, options.connections) for name in options.servers}
    print(f"{machine}; {options.connections} connections\n\n{summary(figures, options.connections)}", end="")


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    servers.add_option(parser)
    parser.add_argument("--connections", type=int, default=10_000, help="(%(default)s)")
    return parser.parse_args()


def allow_open_files(wanted):
    """Raises the limit for this process and the servers that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except ValueError:
        sys.exit(
            f"{wanted} open files are needed and {hard} allowed: ask for fewer connections or raise ulimit -Hn"
        )


def measure(name, files, connections):
    """Returns the resident KiB of a server just after its start and with all connections idle."""
    with servers.running(name, servers.build(name), files) as server:
        time.sleep(0.5)
        started = server.resident_kib()
        idle = [connect(server.port, n) for n in range(connections)]
        time.sleep(0.5)
        with_connections = server.resident_kib()
        if closed := sum(map(is_closed, idle)):
            sys.exit(f"{name} closed {closed} of {connections} idle connections")
        for connection in idle:
            connection.close()
    return started, with_connections


def connect(port, n):
    """Opens the n-th connection and makes one request on it."""
    source = f"127.0.0.{2 + n // CONNECTIONS_PER_ADDRESS}"
    connection = socket.socket()
    connection.settimeout(10)
    connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not answer.endswith(b"Hello, World!"):
        part = connection.recv(4096)
        if not part:
            sys.exit(f"connection {n} was closed after {answer!r}")
        answer += part
    return connection


def is_closed(connection):
    """Whether there is something to read, which on an idle connection can only be its end."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def summary(figures, connections):
    subject = next(iter(figures))
    header = [
        "server",
        "started MiB",
        "idle MiB",
        "KiB each",
        f"{subject}/this, started",
        f"{subject}/this, idle",
    ]
    lines = []
    for name, (started, idle) in figures.items():
        ratios = [
            f"{ours / theirs:.2f}" for ours, theirs in zip(figures[subject], (started, idle), strict=True)
        ]
        each = (idle - started) / connections
        lines.append([name, f"{started / 1024:.1f}", f"{idle / 1024:.1f}", f"{each:.2f}", *ratios])
    return servers.table(header, lines)


if __name__ == "__main__":
    main()
