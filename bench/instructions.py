#!/usr/bin/env python3
"""What the server takes in user-space instructions for a request, and for a connection, counted by valgrind.

Unlike a time, such a count hardly depends on the machine or on what else it does, so that small changes show. What the
system does for the server is not in it. It takes valgrind (`apt-get install valgrind`).
"""

import argparse
import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers
import tls

CONTESTANTS = ("vernal", "bare-hyper")
ANSWER = b"\r\n\r\nHello, World!"
DEEP = 16


def main():
    options = command_line()
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: apt-get install valgrind")
    executables = {name: servers.build(name) for name in options.servers}
    counts = {row: [] for row in options.rows}
    with tempfile.TemporaryDirectory() as folder:
        tls.make_certificate(Path(folder))
        for is_secured in (False, True):
            rows = [row for row in options.rows if ("TLS" in row) == is_secured]
            for name, executable in executables.items() if rows else ():
                with counted(name, executable, Path(folder), is_secured) as server:
                    for row in rows:
                        counts[row].append(count(server, row, options))
    lines = [[row, *(f"{number:,.0f}" for number in counts[row])] for row in options.rows]
    print(servers.table(["instructions", *options.servers], lines), end="")


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    servers.add_option(parser, CONTESTANTS)
    parser.add_argument("--rows", type=lambda text: text.split(","), default=list(ROWS), metavar="A,B,…")
    parser.add_argument("--count", type=int, default=200, help="of requests or connections (%(default)s)")
    parser.add_argument(
        "--profile", type=Path, metavar="FOLDER", help="keep what callgrind has written there"
    )
    return parser.parse_args()


class Counted(servers.Server):
    """A server whose instructions are counted, once it has been asked to."""

    def __init__(self, name, executable, folder, is_secured):
        self.folder = folder
        self.is_secured = is_secured
        self.written = folder / f"callgrind.{name}"
        super().__init__(name, executable, folder)

    def command(self, executable, files):
        written = f"--callgrind-out-file={self.written}"
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", written]
        names = {"--certificate": "server.pem", "--key": "server.key"} if self.is_secured else {}
        certificate = [part for option, name in names.items() for part in (option, files / name)]
        return [*valgrind, *super().command(executable, files), *certificate]

    def control(self, option):
        command = ["callgrind_control", option, str(self.process.pid)]
        subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def counted(name, executable, folder, is_secured):
    server = Counted(name, executable, folder, is_secured)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def count(server, row, options):
    """Instructions for each of some requests or connections like those before."""
    client = ROWS[row](server)
    next(client)
    for _ in range(options.count // 4):
        next(client)
    server.control("--instr=on")
    server.control("--zero")
    for _ in range(options.count):
        next(client)
    time.sleep(0.5)  # the server's side of the last farewell
    server.control("--dump")
    server.control("--instr=off")
    client.close()
    dump = max(server.folder.glob(f"{server.written.name}.*"), key=lambda path: path.stat().st_mtime_ns)
    total = int(re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)[1])
    if options.profile:
        options.profile.mkdir(parents=True, exist_ok=True)
        shutil.copy(dump, options.profile / f"{server.name}.{row.replace(' ', '-')}")
    dump.unlink()
    return total / options.count / (DEEP if row == "pipelined" else 1)


def request(server, *fields):
    return "\r\n".join(
        ("GET /plaintext HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *fields, "", "")
    ).encode()


def receive(connection, answers=1):
    received = b""
    while received.count(ANSWER) < answers:
        part = connection.recv(1 << 16)
        if not part:
            sys.exit(f"the server closed the connection after {received!r}")
        received += part


def keeping(server, deep=1):
    """Requests on one connection, so many at once."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        while True:
            connection.sendall(request(server) * deep)
            receive(connection, deep)
            yield


def closing(server, context=None, resumes=False, asks=True):
    """A connection for each request, or for a handshake and nothing else."""
    session = None
    while True:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            stream = connection
            if context:
                stream = context.wrap_socket(connection, server_hostname="localhost", session=session)
            if asks:
                stream.sendall(request(server, "Connection: close"))
                receive(stream)
                if stream.recv(1):
                    sys.exit("the server has more to say than its answer")
            if context and resumes:
                session = stream.session
        yield


def secured(version, resumes=False, asks=True):
    def client(server):
        context = ssl.create_default_context(cafile=server.folder / "ca.pem")
        context.minimum_version = context.maximum_version = version
        return closing(server, context, resumes, asks)

    return client


ROWS = {
    "plaintext": keeping,
    "pipelined": lambda server: keeping(server, DEEP),
    "close": closing,
    "nothing": lambda server: closing(server, asks=False),
    "TLS 1.3 full": secured(ssl.TLSVersion.TLSv1_3),
    "TLS 1.3 resumed": secured(ssl.TLSVersion.TLSv1_3, resumes=True),
    "TLS 1.3 handshake": secured(ssl.TLSVersion.TLSv1_3, asks=False),
    "TLS 1.2 resumed": secured(ssl.TLSVersion.TLSv1_2, resumes=True),
}


if __name__ == "__main__":
    main()
