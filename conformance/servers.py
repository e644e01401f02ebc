"""The program that the scripts of this folder talk to: how it is built, started, watched and stopped."""

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(example="conformance", release=False):
    """Builds an example of the crate and returns the path of its executable."""
    # of the whole workspace, so that the features are those that the tests were built with
    command = ["cargo", "build", "--workspace", "--example", example]
    if release:
        command.append("--release")
    output = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    messages = map(json.loads, output.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


class Server:
    """A running server."""

    def __init__(self, executable, *arguments, descriptors=None, log=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            [executable, *arguments], stdout=subprocess.PIPE, stderr=log, text=True
        )
        if descriptors:
            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (descriptors, descriptors))
        for line in self.process.stdout:
            if line.startswith("listening on "):
                host, _, port = line.removeprefix("listening on ").strip().rpartition(":")
                self.address = (host, int(port))
                break
        else:
            sys.exit(f"{executable} ended before it listened")

    def connect(self, timeout=30):
        return socket.create_connection(self.address, timeout)

    def get(self, target, timeout=30):
        """Makes one request on a connection of its own and returns the status and the body."""
        with self.connect(timeout) as connection:
            connection.sendall(
                f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body

    def is_running(self):
        return self.process.poll() is None

    def resident_kib(self):
        """The resident memory in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def descriptors(self):
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(executable, *arguments, **options):
    """Starts a server and stops it in the end."""
    server = Server(executable, *arguments, **options)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def allow_descriptors(wanted):
    """Raises this process's own limit on open files; its children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"{wanted} open files are needed, and the hard limit is {hard}: raise it with ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def finish(failures, figure):
    """Prints the figure and the failures; ends the script accordingly."""
    print(figure)
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)
