"""Runs the README's Python sample with the package that is installed, away from the sources, and asks it something."""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30.0
"""Seconds for which the sample may start."""


def sample() -> str:
    """The first Python sample of the README, on a port that the system chooses."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert found, "there is no Python sample in the README"
    return found[1].replace("port=9090", "port=0")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sample.py").write_text(sample(), encoding="utf-8")
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.pop("PYTHONPATH", None)
        process = subprocess.Popen(
            [sys.executable, "sample.py"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            port = port_of(process)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello/Ada?times=2") as answer:
                text = answer.read().decode()
            assert text == "Hello, Ada!\nHello, Ada!", text
        finally:
            process.terminate()
            code = process.wait(PATIENCE)
        assert code == 0, f"the sample ended with {code}"
    print("the installed package serves the README's sample")


def port_of(process: "subprocess.Popen[str]") -> int:
    deadline = time.monotonic() + PATIENCE
    assert process.stdout
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if found := re.search(r"listen to port (\d+)", line):
            return int(found[1])
        if not line:
            break
    raise AssertionError("the sample did not start")


if __name__ == "__main__":
    main()
