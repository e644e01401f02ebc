"""Programs that serve, in processes of their own, as users start them."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import threading

import simple_http_server

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(simple_http_server.__file__)))
PATIENCE = 60


class Program:
    """A program that runs, its port and what it has written."""

    def __init__(self, *arguments, cwd=None):
        path = os.pathsep.join(filter(None, [PACKAGE, os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
        )
        self._lines = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.port = int(self.wait_for(r"listen to port:? (\d+)")[1])

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()

    def output(self):
        with self._changed:
            return "".join(self._lines)

    def wait_for(self, pattern):
        """Waits until the program has written this."""
        with self._changed:
            found = self._changed.wait_for(lambda: re.search(pattern, "".join(self._lines)), PATIENCE)
            assert found, f"the program has not written {pattern}: {''.join(self._lines)}"
            return found

    def end(self):
        """Ends it with SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def ask(self, method, target, body=None, headers=None, tls=None):
        """An answer and its body."""
        if tls is not None:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return answer, answer.read()


@contextlib.contextmanager
def running(*arguments, cwd=None):
    """Runs a program until the end of the block."""
    program = Program(*arguments, cwd=cwd)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
        program.process.wait()
        program.process.stdout.close()
