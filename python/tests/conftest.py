"""What several tests need."""

import logging
import os
import subprocess
import sys

import pytest

import simple_http_server
from simple_http_server import logger

PACKAGE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(simple_http_server.__file__)))


@pytest.fixture
def run_python():
    """Runs an interpreter that finds the package; what it printed is text. A failure is an error unless asked for."""

    def run(*arguments, check=True, cwd=None):
        path = os.pathsep.join(filter(None, [PACKAGE_FOLDER, os.environ.get("PYTHONPATH")]))
        ran = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path},
            timeout=120,
        )
        assert not check or ran.returncode == 0, ran.stderr
        return ran

    return run


@pytest.fixture
def records():
    """What the framework's loggers have been given since the test began."""
    kept = []
    handler = logging.Handler()
    handler.emit = kept.append
    logger.add_handler(handler)

    def so_far():
        assert logger.flush(60)
        return list(kept)

    yield so_far
    logger.remove_handler(handler)


@pytest.fixture
def logged(records):
    """The same as texts."""
    return lambda: [record.getMessage() for record in records()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the hosted application serves."""
    folder = tmp_path_factory.mktemp("hosted")
    (folder / "large").write_bytes(b"0123456789" * 100_000)
    (folder / "note.txt").write_bytes(b"a note\n")
    return folder
