#!/usr/bin/env python3
"""The server's CPU time per TLS connection: handshake, one small request, farewell.

vernal beside hyper with tokio-rustls set up by hand (bare-hyper). Both have the same certificate (ECDSA, P-256), the
same library below and one worker thread. Every connection is new; `full` ones prove who is who, `resumed` ones take
up an earlier one by its ticket, `handshake` ones are full ones without a request. The requests are made by
clients/handshakes, which checks each answer.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import servers

CONTESTANTS = ("vernal", "bare-hyper")
KINDS = ("full", "resumed", "handshake")
ROWS = [(version, kind) for version in ("1.3", "1.2") for kind in KINDS]
THREADS = 8


class Secured(servers.Server):
    """A server that speaks HTTPS."""

    def __init__(self, name, executable, folder):
        self.folder = folder
        super().__init__(name, executable, folder, core=0)

    def command(self, executable, files):
        certificate = ["--certificate", self.folder / "server.pem", "--key", self.folder / "server.key"]
        return [*super().command(executable, files), *certificate]


def main():
    options = command_line()
    machine = servers.machine()
    executables = {name: servers.build(name) for name in CONTESTANTS}
    client = servers.build("handshakes")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_certificate(folder)
        started = []
        for name, executable in executables.items():
            server = Secured(name, executable, folder)
            stack.callback(server.stop)
            server.wait_until_ready()
            started.append(server)
        samples = {row: measure(row, started, client, folder, options) for row in ROWS}
    header = ["TLS", *(f"{name} µs" for name in CONTESTANTS), *(f"{name} per CPU s" for name in CONTESTANTS)]
    table = servers.table(
        [*header, "vernal/bare-hyper"], [line(row, taken) for row, taken in samples.items()]
    )
    report = f"{machine}; {options.rounds} rounds of {options.seconds} s, {THREADS} clients\n\n{table}"
    print(report, end="")
    if options.markdown:
        options.markdown.write_text(report)


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="of each row and server (%(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there, too")
    return parser.parse_args()


def make_certificate(folder):
    """An authority of its own, since clients take no certificate that signs itself as a server's."""
    openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(
        [*openssl, "-days", "2", "-subj", "/CN=bench", "-keyout", "ca.key", "-out", "ca.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        [*openssl, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-addext", "basicConstraints=critical,CA:FALSE",
         "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def measure(row, started, client, folder, options):
    """Returns, by server, the microseconds of CPU time per connection in each round."""
    samples = {server.name: [] for server in started}
    for turn in range(options.rounds):
        for server in started if turn % 2 else reversed(started):
            before = server.cpu_seconds()
            connections = load(row, server, client, folder, options.seconds)
            samples[server.name].append((server.cpu_seconds() - before) / connections * 1e6)
        print(f"{' '.join(row)}: round {turn + 1} of {options.rounds}", file=sys.stderr)
    return samples


def load(row, server, client, folder, seconds):
    version, kind = row
    command = [client, server.port, folder / "ca.pem", seconds, THREADS, version, kind]
    output = subprocess.run(map(str, command), capture_output=True, text=True, check=True).stdout
    full, resumed = map(int, re.findall(r"\d+", output))
    wanted, others = (resumed, full) if kind == "resumed" else (full, resumed)
    # a client's first connection is always a full one
    if others > (2 * THREADS if kind == "resumed" else 0):
        sys.exit(f"{server.name}: {output.strip()}, but {kind} ones were asked for")
    return wanted + others


def line(row, taken):
    times = [median(taken[name]) for name in CONTESTANTS]
    ratios = [ours / theirs for ours, theirs in zip(*(taken[name] for name in CONTESTANTS), strict=True)]
    each = [f"{time:.1f}" for time in times]
    rates = [f"{1e6 / time:.0f}" for time in times]
    return [" ".join(row), *each, *rates, f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"]


if __name__ == "__main__":
    main()
