"""The servers of the benchmark: how each one is built, started, watched and stopped."""

import argparse
import contextlib
import json
import os
import platform
import random
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The name on the command line -> the package, whose binary has the same name.
PACKAGES = {"vernal": "vernal-server", "bare-hyper": "bare-hyper", "axum": "axum-peer", "actix": "actix-peer"}


def add_option(parser):
    """Adds `--servers a,b,c`."""
    parser.add_argument(
        "--servers",
        type=names,
        default=",".join(PACKAGES),
        metavar="A,B,…",
        help="the first one is compared with each of the others (%(default)s)",
    )


def names(text):
    chosen = text.split(",")
    for name in chosen:
        if name not in PACKAGES:
            raise argparse.ArgumentTypeError(f"no server is named {name!r}; there are {', '.join(PACKAGES)}")
    return chosen


def build(name):
    """Builds a server in release mode and returns the path of its executable.

    Each one is built alone: together, each peer would get the features that another one asks of a shared crate.
    """
    manifest = HERE / "Cargo.toml"
    command = ["cargo", "build", "--release", "--manifest-path", manifest, "--package", PACKAGES[name]]
    output = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"], stdout=subprocess.PIPE, check=True
    ).stdout
    messages = map(json.loads, output.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


def write_static_files(folder):
    """Makes the two files that every server has to offer below `/static/`."""
    generator = random.Random(1)
    (folder / "1k.txt").write_text("".join(generator.choices("etaoin shrdlu\n", k=1024)))
    (folder / "1m.bin").write_bytes(generator.randbytes(1024 * 1024))


class Server:
    """A running server."""

    def __init__(self, name, executable, files, core=None):
        self.name = name
        self.port = free_port()
        pin = ["taskset", "--cpu-list", str(core)] if core is not None else []
        self.process = subprocess.Popen([*pin, executable, "--port", str(self.port), "--files", files])

    def wait_until_ready(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.01)
        sys.exit(f"{self.name} does not answer on port {self.port}")

    def cpu_seconds(self):
        """User and system time so far, of all threads, those that have ended too, to the nanosecond.

        This is the clock that clock_getcpuclockid(3) names: /proc/PID/stat counts in ticks of 10 ms, and
        /proc/PID/task forgets the threads of a blocking pool as they end.
        """
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def resident_kib(self):
        """The resident memory in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


@contextlib.contextmanager
def running(name, executable, files, core=None):
    """Starts a server and stops it in the end."""
    server = Server(name, executable, files, core)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def machine():
    """One line that has to stand beside every figure: where and when it was measured."""
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0].strip("\t :")
    rustc = first_line("rustc", "--version").split()[1]
    commit = first_line("git", "-C", HERE, "describe", "--always", "--dirty")
    return (
        f"{date.today()}, {cpu}, {os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}, "
        f"rustc {rustc}, commit {commit}, load average at the start {os.getloadavg()[0]:.1f}"
    )


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("\n")[0]


def table(header, rows):
    """A Markdown table whose columns line up in a terminal, too."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    padded = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [padded[0], rule, *padded[1:]]) + "\n"
