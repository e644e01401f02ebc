"""The servers of the Python benchmark: what each one is installed from, and how it is started."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import servers

ROOT = servers.HERE.parent
PROGRAMS = servers.HERE / "peers" / "python"
REQUIREMENTS = servers.HERE / "python-requirements.txt"
ENVIRONMENTS = ROOT / "target" / "python-bench"

GRANIAN = "{bin}/granian --host 127.0.0.1 --port {port} --workers 1 --log-level error --loop uvloop --interface {interface}"
SIMPLE_HTTP_SERVER = "{bin}/python simple_http_server_app.py --port {port} --files {files}"


@dataclass(frozen=True)
class Kind:
    """A server: where it is installed, what it needs there, how it is started, and which rows it has no answer to."""

    environment: str
    packages: tuple
    command: str
    lacks: tuple = ()
    """Whether its controllers are to be `async def`; they are written as `def`."""
    is_async: bool = False

    def has(self, row):
        return row not in self.lacks


BARE = ("session", "route-199", "static-1k")
FASTAPI = ("fastapi", ("fastapi", "uvicorn", "uvloop", "httptools"))
UVICORN = (
    "{bin}/uvicorn fastapi_app:app --host 127.0.0.1 --port {port} --loop uvloop --http httptools "
    "--log-level error --no-access-log"
)
BLACKSHEEP = ("blacksheep", ("blacksheep", "granian", "uvloop", "itsdangerous"))
ROBYN = "{bin}/python robyn_app.py --processes 1 --workers 1 --log-level ERROR"

KINDS = {
    "vernal": Kind("vernal", (str(ROOT),), SIMPLE_HTTP_SERVER),
    "original": Kind("original", ("simple_http_server",), SIMPLE_HTTP_SERVER),
    "robyn": Kind("robyn", ("robyn",), ROBYN, lacks=("session",)),
    "fastapi": Kind(*FASTAPI, UVICORN, lacks=("session",)),
    "blacksheep": Kind(
        *BLACKSHEEP, GRANIAN.replace("{interface}", "asgi blacksheep_app:app"), lacks=("session",)
    ),
    "granian-wsgi": Kind(
        "granian", ("granian", "uvloop"), GRANIAN.replace("{interface}", "wsgi wsgi_app:app"), lacks=BARE
    ),
    "fastpysgi-wsgi": Kind("fastpysgi", ("fastpysgi",), "{bin}/python wsgi_app.py", lacks=BARE),
    "granian-rsgi": Kind(
        "granian", ("granian", "uvloop"), GRANIAN.replace("{interface}", "rsgi rsgi_app:app"), lacks=BARE
    ),
}

# By how the controllers are written; the first one is compared with each of the others.
SIDES = {
    "def": ("vernal", "original", "robyn", "fastapi", "blacksheep", "granian-wsgi", "fastpysgi-wsgi"),
    "async def": ("vernal", "original", "robyn", "fastapi", "blacksheep", "granian-rsgi"),
}

WEBSOCKETS = {
    "vernal": Kind("vernal", (str(ROOT),), "{bin}/python vernal_websocket.py --port {port}"),
    "vernal-async": Kind(
        "vernal", (str(ROOT),), "{bin}/python vernal_websocket.py --port {port} --coroutine"
    ),
    "socketify": Kind("socketify", ("socketify",), "{bin}/python socketify_websocket.py"),
    "blacksheep": Kind(*BLACKSHEEP, GRANIAN.replace("{interface}", "asgi blacksheep_app:app")),
}


def install(kind, python):
    """Makes the environment of a server, unless it is there; vernal's package is built anew each time."""
    folder = ENVIRONMENTS / kind.environment
    if not (folder / "bin" / "python").exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # the original is named among the versions, and vernal's package has its name
    versions = [] if kind.packages == (str(ROOT),) else ["--constraint", REQUIREMENTS]
    subprocess.run([*command, *versions, *kind.packages], check=True)
    return folder / "bin"


class PythonServer(servers.Server):
    """A running server, with the processes that it has started."""

    def __init__(self, name, kind, folder, files, core, is_async=False, verbose=False):
        self.kind = kind
        self.folder = folder
        self.is_async = is_async
        # what the original says of connections that are closed would bury everything else
        output = None if verbose else subprocess.DEVNULL
        super().__init__(name, ENVIRONMENTS / kind.environment / "bin", files, core, output)

    def command(self, executable, files):
        command = self.kind.command.format(bin=executable, port=self.port, files=files)
        if self.is_async and self.kind.environment in ("vernal", "original"):
            command += " --coroutine"
        return ["env", "-C", self.folder, f"PORT={self.port}", f"FILES={files}", *command.split()]

    def processes(self):
        """The process that was started and all that come from it."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                # a thread that has just ended has none
                with contextlib.suppress(FileNotFoundError):
                    found += map(int, children.read_text().split())
        return found

    def cpu_seconds(self):
        return sum(servers.cpu_seconds_of(pid) for pid in self.processes())

    def resident_kib(self):
        return sum(servers.resident_kib_of(pid) for pid in self.processes())

    def stop(self):
        """Ends all processes: some would outlive the one that started them."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def write_programs(folder):
    """Writes the programs into this folder, as they are, and into `async` below it with `async def` controllers."""
    (folder / "async").mkdir()
    for program in PROGRAMS.glob("*.py"):
        text = program.read_text()
        (folder / program.name).write_text(text)
        (folder / "async" / program.name).write_text(re.sub(r"(?m)^(@.*\n)def ", r"\1async def ", text))
    return {"def": folder, "async def": folder / "async"}


def versions(kinds):
    """What is installed of the servers' packages, as one line."""
    found = set()
    for kind in kinds:
        python = ENVIRONMENTS / kind.environment / "bin" / "python"
        frozen = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
        wanted = {package.lower() for package in kind.packages}
        found |= {line for line in frozen.stdout.split() if line.partition("==")[0].lower() in wanted}
    version = subprocess.run([sys.executable, "--version"], capture_output=True, text=True, check=True)
    return f"{version.stdout.strip()}; {', '.join(sorted(found))}"
