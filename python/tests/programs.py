"""Python programs that serve, each in a process of its own, so that signals and the end of the interpreter are real."""

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import simple_http_server

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(simple_http_server.__file__)))

PATIENCE = 60
"""Seconds after which something that has not happened will not happen."""

PROLOGUE = """
import asyncio, os, signal, sys, threading, time
from simple_http_server import *
import simple_http_server.server as server
from simple_http_server.server import HttpServer

def say(*words):
    # in one piece, among the lines of the log
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def wait_for_line():
    return sys.stdin.readline().strip()
"""

MODES = ["threads", "coroutines"]


class Program:
    """A program that runs. What it prints can be waited for; what it reads is given by :meth:`tell`."""

    def __init__(self, process):
        self.process = process
        self._lines = []
        self._has_ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def log(self):
        """All that it has printed so far, on both outputs."""
        with self._changed:
            return "\n".join(self._lines)

    def wait_for(self, expression, count=1):
        """Waits until something has been printed so often; the match of the last one."""

        def found():
            return list(re.finditer(expression, "\n".join(self._lines)))

        with self._changed:
            there = self._changed.wait_for(lambda: self._has_ended or len(found()) >= count, PATIENCE)
            matches = found()
            missing = not there or len(matches) < count
            assert not missing, f"no {expression!r} in:\n" + "\n".join(self._lines)
            return matches[count - 1]

    def port(self, count=1):
        """The port that it has bound; the second one, if asked for that, and so on."""
        return int(self.wait_for(r"listen to port:? (\d+)", count)[1])

    def signal(self, number):
        self.process.send_signal(number)

    def tell(self, line=""):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def end(self):
        """Waits until it ends; its exit status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status


@contextlib.contextmanager
def program(source, *arguments, prologue=PROLOGUE, module=None, cwd=None):
    """Runs a program until the block ends, or a module of the path."""
    command = ["-m", module] if module else ["-c", prologue + source]
    path = os.pathsep.join(filter(None, [PACKAGE, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", *command, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
    )
    running = Program(process)
    try:
        yield running
    except BaseException:
        print(running.log(), file=sys.stderr)
        raise
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdin.close()
        running._reader.join(PATIENCE)
        process.stdout.close()


class Client:
    """A connection that is kept."""

    def __init__(self, port, host="127.0.0.1", context=None):
        if context is None:
            self.connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        else:
            self.connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)

    def send(self, target, method="GET", body=None, headers=None):
        self.connection.request(method, target, body, headers or {})

    def answer(self):
        answer = self.connection.getresponse()
        return answer, answer.read()

    def ask(self, target, method="GET", body=None, headers=None):
        """The answer and its body."""
        self.send(target, method, body, headers)
        return self.answer()

    def text(self, target, **more):
        return self.ask(target, **more)[1].decode()

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(port, target, method="GET", body=None, headers=None, **more):
    """The answer to a request on a connection of its own, and its body."""
    with Client(port, **more) as client:
        return client.ask(target, method, body, headers)


def text(port, target, **more):
    return ask(port, target, **more)[1].decode()


def is_refused(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False  # reset while it was being closed
    return False


def wait_until(is_so, what="it"):
    """Looks again and again."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, f"{what} has not happened"
        time.sleep(0.01)


def is_running(process):
    """Whether a process of somebody else's is there, and has not ended as a zombie."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(process):
    """The processes that it has started, zombies too."""
    with open(f"/proc/{process}/task/{process}/children") as listed:
        return {int(child) for child in listed.read().split()}


def trusting(certificate):
    """The settings of a client that trusts this certificate."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    return context


BOTH_SIGNALS = [signal.SIGINT, signal.SIGTERM]
