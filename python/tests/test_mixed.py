"""An application of both kinds, as ``examples/mixed`` has it: one port, one session, one engine."""

import json
import os
import re
import subprocess
import sys
import zipfile
from http.client import HTTPConnection
from pathlib import Path

import pytest

from simple_http_server import _exported

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "mixed"
PATIENCE = 60


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory):
    """A folder with the module ``mixed``, built for this interpreter with what has been compiled already."""
    folder = tmp_path_factory.mktemp("mixed")
    command = [sys.executable, "-m", "maturin", "build", "--profile", "dev", "--compatibility", "linux"]
    manifest = str(EXAMPLE / "Cargo.toml")
    built = subprocess.run(
        [*command, "--manifest-path", manifest, "--interpreter", sys.executable, "--out", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("mixed-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def run_mixed(module_folder, run_python, monkeypatch):
    """Runs a program that finds the module and the example; what it printed, as JSON."""
    path = os.pathsep.join([str(module_folder), str(EXAMPLE), os.path.dirname(__file__)])
    monkeypatch.setenv("PYTHONPATH", path)

    def run(program):
        (said,) = re.findall("^said: (.*)$", run_python("-c", program).stderr, re.MULTILINE)
        return json.loads(said)

    return run


@pytest.fixture
def started(module_folder, monkeypatch):
    """The port of the example, which runs in a process of its own."""
    path = os.pathsep.join([str(module_folder), str(ROOT / "python")])
    monkeypatch.setenv("PYTHONPATH", path)
    process = subprocess.Popen(
        [sys.executable, "-u", str(EXAMPLE / "application.py"), "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout:
            found = re.search(r"listen to port (\d+)", line)
            if found:
                yield int(found.group(1))
                break
        else:
            pytest.fail("the example has ended")
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def say(value):
    """Tells the test something, from a program that it runs; the log goes to the standard output."""
    sys.stderr.write(f"said: {json.dumps(value)}\n")


class Visitor:
    """A client with a connection and a session."""

    def __init__(self, port):
        self.connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.cookies = {}

    def get(self, target):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request("GET", target, headers={"Cookie": cookie} if cookie else {})
        answer = self.connection.getresponse()
        for field in answer.headers.get_all("Set-Cookie", []):
            name, value = field.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer.status, answer.read().decode()

    def visits(self, target):
        said = json.loads(self.get(target)[1])
        return said["language"], said["visits"], said["name"]


def test_both_kinds_of_controller_share_a_port_and_a_session(started):
    ada, bob = Visitor(started), Visitor(started)
    assert ada.visits("/") == ("Python", 1, None)
    assert ada.visits("/fast/visits") == ("Rust", 2, None)
    assert ada.visits("/") == ("Python", 3, None)
    assert list(ada.cookies) == ["PY_SIM_HTTP_SER_SESSION_ID"]
    assert ada.get("/name?name=Ada")[0] == 302
    assert ada.visits("/fast/visits") == ("Rust", 4, "Ada")
    assert bob.visits("/fast/visits") == ("Rust", 1, None)
    assert bob.visits("/") == ("Python", 2, None)
    assert ada.get("/logout")[0] == 302
    assert ada.visits("/fast/visits") == ("Rust", 1, None)


def test_errors_below_the_prefix_are_those_of_rust(started):
    visitor = Visitor(started)
    assert visitor.get("/fast/primes?limit=100") == (200, "25")
    assert visitor.get("/fast/nowhere")[0] == 404
    status, text = visitor.get("/fast/primes?limit=x")
    assert (status, json.loads(text)["explain"]) == (400, "Parameter[limit] should be an int.")
    assert visitor.get("/fastest")[0] == 404


def test_the_module_serves_alone(run_mixed):
    said = run_mixed(
        """
import asyncio, json, threading, mixed
from test_mixed import say
from io import BytesIO
from http.client import HTTPConnection
from simple_http_server import logger
import re, logging
port = []
handler = logging.Handler()
def emit(record):
    found = re.search(r"serving address=127.0.0.1:(\\d+)", record.getMessage())
    if found:
        port.append(int(found.group(1)))
        served.set()
served = threading.Event()
handler.emit = emit
logger.add_handler(handler)
thread = threading.Thread(target=mixed.start, args=("127.0.0.1", 0))
thread.start()
assert served.wait(60)
connection = HTTPConnection("127.0.0.1", port[0], timeout=60)
connection.request("GET", "/visits")
answer = connection.getresponse()
cookie = answer.headers["Set-Cookie"].split("=")[0]
visits = json.loads(answer.read())["visits"]
connection.close()
mixed.stop()
thread.join(60)

heads = []
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/primes", "QUERY_STRING": "limit=100", "wsgi.input": BytesIO(),
           "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"}
wsgi = b"".join(mixed.wsgi(environ, lambda status, fields: heads.append(status))).decode()

messages = []
received = []
async def receive():
    if received:
        await asyncio.Event().wait()
    received.append(True)
    return {"type": "http.request", "body": b"", "more_body": False}
async def send(message):
    messages.append(message)
scope = {"type": "http", "method": "GET", "path": "/primes", "query_string": b"limit=10", "headers": []}
asyncio.run(mixed.asgi(scope, receive, send))
asgi = b"".join(message.get("body", b"") for message in messages).decode()
say([visits, cookie, thread.is_alive(), heads, wsgi, messages[0]["status"], asgi])
"""
    )
    assert said == [1, "VERNAL_SESSION_ID", False, ["200 OK"], "25", 200, "4"]


IN_PROCESS = """
import json, mixed
from running import running
from test_mixed import Visitor, say
from simple_http_server import Session
from simple_http_server.app_conf import AppConf
from simple_http_server.http_session_local import LocalSessionFactory
conf = AppConf()
conf.mount("/rust", mixed)
"""


def test_a_session_has_what_json_can_say_and_its_id_can_change(run_mixed):
    said = run_mixed(
        IN_PROCESS
        + """
@conf.request_map("/set")
def put(session: Session):
    session.set_attribute("name", "Ada")
    session.set_attribute("nothing", None)
    session.max_inactive_interval = 60
    try:
        session.set_attribute("wrong", object())
    except TypeError as error:
        text = str(error)
    return {"is_new": session.is_new, "names": session.attribute_names, "error": text}

@conf.request_map("/renew")
def renew(session: Session):
    old = session.id
    return {"other": session.renew_id() != old, "interval": session.max_inactive_interval,
            "names": session.attribute_names}

with running(conf) as port:
    visitor = Visitor(port)
    first = json.loads(visitor.get("/set")[1])
    renewed = json.loads(visitor.get("/renew")[1])
    say([first, renewed, visitor.visits("/rust/visits")])
"""
    )
    first, renewed, visits = said
    assert (first["is_new"], sorted(first["names"])) == (True, ["name", "nothing"])
    assert first["error"].startswith("The session attribute 'wrong' can't be kept for an application in Rust")
    assert renewed == {"other": True, "interval": 60, "names": ["name", "nothing"]}
    assert visits == ["Rust", 1, "Ada"]


def test_with_a_session_factory_of_python_rust_keeps_its_own_sessions(run_mixed):
    said = run_mixed(
        IN_PROCESS
        + """
conf.session_factory = LocalSessionFactory()

@conf.request_map("/set")
def put(session: Session):
    session.set_attribute("object", object())
    return "set"

with running(conf, coroutine=True) as port:
    visitor = Visitor(port)
    texts = [visitor.get("/set")[1], visitor.visits("/rust/visits"), visitor.visits("/rust/visits")]
    say([texts, sorted(visitor.cookies)])
"""
    )
    assert said == [
        ["set", ["Rust", 1, None], ["Rust", 2, None]],
        ["PY_SIM_HTTP_SER_SESSION_ID", "VERNAL_SESSION_ID"],
    ]


def test_what_cannot_be_mounted_is_named(run_mixed):
    said = run_mixed(
        IN_PROCESS
        + """
import simple_http_server
texts = []
for prefix, module in [("rust", mixed), ("/", mixed), ("/a b", mixed), ("/a", json)]:
    wrong = AppConf()
    wrong.mount(prefix, module)
    try:
        with running(wrong):
            pass
    except (AssertionError, ValueError) as error:
        texts.append(str(error))
say(texts)
"""
    )
    assert said == [
        "A prefix such as /shop is needed to mount something, not 'rust'.",
        "A prefix such as /shop is needed to mount something, not '/'.",
        'the prefix "/a b" of a mount should begin with /, not end with it, and have only letters, digits and '
        "-._~ besides",
        "json can't be mounted: it is no module that vernal_python::export! has made.",
    ]


def test_the_module_is_imported_before_another_engine(run_mixed):
    said = run_mixed(
        """
from test_mixed import say
from simple_http_server import _engine
try:
    import mixed
except ImportError as error:
    say(str(error))
"""
    )
    assert said == (
        "mixed brings its own engine, and another one has been loaded before: import mixed before the first server "
        "or proxy is made, and no second module of its kind."
    )


def test_the_engine_and_these_sources_are_of_one_version():
    from simple_http_server import _engine

    assert _engine.version == _exported.ENGINE_VERSION

    class Other:
        version = "0.0.1"

    missing = {"_engine": sys.modules.pop("simple_http_server._engine")}
    try:
        with pytest.raises(ImportError, match=r"built with version 0\.0\.1 of vernal-python"):
            _exported.adopt_engine(Other, "mixed")
    finally:
        sys.modules["simple_http_server._engine"] = missing["_engine"]


def test_start_async_ends_with_its_task(run_mixed):
    said = run_mixed(
        """
import asyncio, mixed
from test_mixed import say

async def main():
    serving = asyncio.ensure_future(mixed.start_async("127.0.0.1", 0))
    await asyncio.sleep(0)
    mixed.stop()
    await serving
    return serving.done()

say(asyncio.run(main()))
"""
    )
    assert said is True
