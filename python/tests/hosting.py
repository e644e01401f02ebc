"""Runs an application behind a server of somebody else, in a process of its own.

``running(host, application)`` is a context manager. The host is a name of :data:`WSGI_HOSTS` or :data:`ASGI_HOSTS`, the
application is ``module:attribute``, found in the folders of ``path``; what it yields has the port.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import simple_http_server

TESTS = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(simple_http_server.__file__)))

PATIENCE = 60
"""Seconds after which something that has not happened will not happen."""

WSGI_HOSTS = [
    "wsgiref",
    "wsgiref-async",
    "werkzeug",
    "gunicorn",
    "gunicorn-threads",
    "gunicorn-gevent",
    "granian-wsgi",
]
ASGI_HOSTS = ["uvicorn", "uvicorn-h11", "hypercorn", "granian", "granian-rust"]

STARTS = """
import importlib, socket, sys
module, _, attribute = {application!r}.partition(":")
application = getattr(importlib.import_module(module), attribute)
listening = socket.socket(fileno={descriptor})
"""

WSGIREF = """
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.validate import validator

class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

server = Server(listening.getsockname(), Quiet, bind_and_activate=False)
server.socket.close()
server.socket = listening
server.server_name, server.server_port = listening.getsockname()
server.setup_environ()
server.set_app({wrapped})
server.serve_forever()
"""

WERKZEUG = """
from werkzeug.serving import make_server
host, port = listening.getsockname()
make_server(host, port, application, threaded=True, fd=listening.fileno()).serve_forever()
"""

UVICORN = """
import uvicorn

# uvicorn tells ASGI 3 by plain functions
async def answer(scope, receive, send):
    await application(scope, receive, send)

config = uvicorn.Config(answer, log_level="warning", **{options})
uvicorn.Server(config).run(sockets=[listening])
"""


class Hosted:
    """An application that runs behind a host."""

    def __init__(self, process, port, log):
        self.process = process
        self.port = port
        self._log = log

    def log(self):
        """What the host and the application have written so far."""
        with open(self._log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def ask(self, method, target, body=None, headers=None, **more):
        """The answer to a request: status, reason, fields, body. A body that is iterable goes out in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, target, body, headers or {}, **more)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def stop(self):
        """Ends the host as a system does; what it ends with."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def running(host, application, path=(TESTS,), environ=None):
    """Runs the application until the context ends."""
    with tempfile.TemporaryDirectory() as folder, _listening(host) as listening:
        log = os.path.join(folder, "log")
        command, descriptors = _command(host, application, listening)
        search = os.pathsep.join([*path, PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])])
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": search, "PYTHONUNBUFFERED": "1", **(environ or {})},
            )
        hosted = Hosted(process, listening.getsockname()[1], log)
        try:
            _wait_until_it_listens(hosted)
            yield hosted
        except BaseException:
            print(hosted.log(), file=sys.stderr)
            raise
        finally:
            # with the workers that it has started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def hosted(host, folder):
    """Runs the hosted application until the context ends, with the files of this folder."""
    kind = "asgi" if host in ASGI_HOSTS else "wsgi"
    environ = {"HOSTED_FOLDER": str(folder)}
    with running(host, f"hosted_application:{kind}", environ=environ) as started:
        started.name = host
        yield started


def ask_json(host, *given, **more):
    answer, body = host.ask(*given, **more)
    assert answer.status == 200, body
    return json.loads(body)


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def _listening(host):
    """A socket with a port that the system has chosen; the host listens on it, or, with granian, beside it."""
    listening = socket.socket()
    if host.startswith("granian"):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", 0))
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
    return listening


def _command(host, application, listening):
    descriptor, port = listening.fileno(), str(listening.getsockname()[1])
    python = [sys.executable]
    if host.startswith("gunicorn"):
        workers = {"gunicorn-threads": ["--threads", "8"], "gunicorn-gevent": ["--worker-class", "gevent"]}
        bind = ["--bind", f"fd://{descriptor}", "--graceful-timeout", "5"]
        return [*python, "-m", "gunicorn", *bind, *workers.get(host, []), application], [descriptor]
    if host == "hypercorn":
        return [*python, "-m", "hypercorn", "--bind", f"fd://{descriptor}", application], [descriptor]
    if host.startswith("granian"):
        options = ["--interface", "wsgi" if host.endswith("wsgi") else "asgi", "--port", port]
        if host.endswith("wsgi"):
            options += ["--blocking-threads", "8"]
        if host.endswith("rust"):
            options += ["--task-impl", "rust"]
        return [*python, "-m", "granian", *options, application], []
    body = {
        "wsgiref": WSGIREF.replace("{wrapped}", "validator(application)"),
        "wsgiref-async": WSGIREF.replace(
            "{wrapped}",
            "validator(lambda *given: __import__('asyncio').run(application.__self__.async_app_proxy(*given)))",
        ),
        "werkzeug": WERKZEUG,
        "uvicorn": UVICORN.replace("{options}", "{'loop': 'uvloop', 'http': 'httptools'}"),
        "uvicorn-h11": UVICORN.replace("{options}", "{'loop': 'asyncio', 'http': 'h11', 'ws': 'wsproto'}"),
    }[host]
    start = STARTS.format(application=application, descriptor=descriptor)
    return [*python, "-c", start + body], [descriptor]


def _wait_until_it_listens(hosted):
    """Where the host was given the socket, who connects just waits; granian has to be asked."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", hosted.port), PATIENCE).close()
            return
        except ConnectionRefusedError:
            assert hosted.process.poll() is None, hosted.log()
            assert time.monotonic() < end, hosted.log()
            time.sleep(0.05)
