"""The servers of the benchmark: how each one is built, started, watched and stopped."""

import argparse
import contextlib
import grp
import json
import os
import platform
import pwd
import random
import shutil
import socket
import string
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The name on the command line -> the package, whose binary has the same name.
PACKAGES = {"vernal": "vernal-server", "bare-hyper": "bare-hyper", "axum": "axum-peer", "actix": "actix-peer"}

# Comes from the system's packages, and serves files only.
NGINX = "nginx"


def add_option(parser, known=tuple(PACKAGES)):
    """Adds `--servers a,b,c`."""
    parser.add_argument(
        "--servers",
        type=lambda text: names(text, known),
        default=",".join(known),
        metavar="A,B,…",
        help="the first one is compared with each of the others (%(default)s)",
    )


def names(text, known):
    chosen = text.split(",")
    for name in chosen:
        if name not in known:
            raise argparse.ArgumentTypeError(f"no server is named {name!r}; there are {', '.join(known)}")
    return chosen


def build(name):
    """Builds a server in release mode and returns the path of its executable; nginx only has to be there.

    Each one is built alone: together, each peer would get the features that another one asks of a shared crate.
    """
    if name == NGINX:
        return shutil.which(NGINX, path=f"{os.environ['PATH']}:/usr/sbin") or sys.exit(
            "nginx is missing: apt-get install nginx-light, or name the other servers with --servers"
        )
    manifest = HERE / "Cargo.toml"
    command = [
        "cargo",
        "build",
        "--release",
        "--manifest-path",
        manifest,
        "--package",
        PACKAGES.get(name, name),
    ]
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

    def __init__(self, name, executable, files, core=None, output=None):
        self.name = name
        self.port = free_port()
        pin = ["taskset", "--cpu-list", str(core)] if core is not None else []
        self.process = subprocess.Popen(
            [*pin, *self.command(executable, files)], stdout=output, stderr=output
        )

    def command(self, executable, files):
        return [executable, "--port", str(self.port), "--files", files]

    def serving_pid(self):
        """The process that answers requests."""
        return self.process.pid

    def stop(self):
        self.process.kill()
        self.process.wait()

    def wait_until_ready(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.01)
        sys.exit(f"{self.name} does not answer on port {self.port}")

    def cpu_seconds(self):
        """User and system time so far."""
        return cpu_seconds_of(self.serving_pid())

    def resident_kib(self):
        """The resident memory in KiB."""
        return resident_kib_of(self.process.pid)


class Nginx(Server):
    """nginx with a folder of its own for its configuration and temporary files."""

    def command(self, executable, files):
        self.folder = tempfile.TemporaryDirectory()
        template = string.Template((HERE / "nginx.conf").read_text())
        # the worker has to be someone who may read the temporary folder with the files
        configuration = template.substitute(
            folder=self.folder.name,
            files=files,
            port=self.port,
            user=pwd.getpwuid(os.geteuid()).pw_name,
            group=grp.getgrgid(os.getegid()).gr_name,
        )
        path = Path(self.folder.name) / "nginx.conf"
        path.write_text(configuration)
        return [executable, "-e", "stderr", "-p", self.folder.name, "-c", path]

    def serving_pid(self):
        """The worker, the only child of the process that was started."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


@contextlib.contextmanager
def running(name, executable, files, core=None):
    """Starts a server and stops it in the end."""
    kind = Nginx if name == NGINX else Server
    server = kind(name, executable, files, core)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def cpu_seconds_of(pid):
    """User and system time of a process so far, of all threads, those that have ended too, to the nanosecond.

    This is the clock that clock_getcpuclockid(3) names: /proc/PID/stat counts in ticks of 10 ms, and /proc/PID/task
    forgets the threads of a blocking pool as they end.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident_kib_of(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


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
