#!/usr/bin/env python3
"""WebSocket to the letter: the public suite (Autobahn, as a fuzzing client) against the echo of examples/websocket_echo.rs.

All of its cases run, compression included, twice: without and with contexts that are kept from message to message. Each
must be OK or INFORMATIONAL, in its behaviour and in how it closes; NON-STRICT is a failure. The suite runs under CPython
2.7 only, which is looked for on the PATH and among pyenv's versions (`pyenv install 2.7.18` makes one); its packages go
to target/autobahn. That takes a C compiler, and the whole run some minutes.
"""

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import servers

REQUIREMENTS = Path(__file__).resolve().parent / "autobahn-requirements.txt"
START = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"
PASSED = ("OK", "INFORMATIONAL")
SUBSET = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.1.*", "6.2.*", "6.4.*", "7.*", "10.*", "12.1.*"]


def main():
    options = command_line()
    cases = SUBSET if options.subset else options.cases
    suite = install()
    executable = servers.build("websocket_echo", release=True)
    failures, counts = [], collections.Counter()
    for arguments in ([], ["keep-contexts"]):
        title = " ".join(arguments) or "contexts not kept"
        for case, result in run(suite, executable, arguments, cases).items():
            verdicts = (result["behavior"], result["behaviorClose"])
            counts[verdicts] += 1
            if not all(verdict in PASSED for verdict in verdicts):
                failures.append(
                    f"{case} ({title}): {verdicts[0]}, close {verdicts[1]}, {result['reportfile']}"
                )
    if not counts:
        failures.append("no case has run")
    lines = [f"{count:5} {behavior}, close {close}" for (behavior, close), count in counts.most_common()]
    servers.finish(failures, "\n".join([f"{sum(counts.values())} cases:", *lines]))


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subset", action="store_true", help="a few minutes' worth of the cases")
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=["*"], metavar="A,B,…", help="(all of them)"
    )
    return parser.parse_args()


def install():
    """Returns the Python and the folder of its packages, which are installed the first time."""
    python = find_python()
    folder = servers.ROOT / "target" / "autobahn"
    done = folder / "installed"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder / "packages"]
        subprocess.run([*pip, "-r", REQUIREMENTS], check=True)
        done.touch()
    return python, folder


def find_python():
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [*root.glob("versions/2.7*/bin/python2.7"), *filter(None, [shutil.which("python2.7")])]
    # pyenv puts a python2.7 on the PATH that fails where another version is chosen
    runs = (python for python in found if works(python))
    python = next(runs, None)
    if python is None:
        sys.exit("CPython 2.7 is missing, the only one that the suite runs under: pyenv install 2.7.18")
    return python


def works(python):
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def run(suite, executable, arguments, cases):
    """Runs the cases and returns their results by name."""
    python, folder = suite
    reports = folder / "reports" / ("-".join(arguments) or "plain")
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    with servers.running(executable, *arguments) as server:
        host, port = server.address
        specification = {
            "options": {"failByDrop": False},
            "outdir": str(reports),
            "servers": [{"agent": "vernal", "url": f"ws://{host}:{port}/echo"}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        written = reports / "specification.json"
        written.write_text(json.dumps(specification))
        command = [python, "-W", "ignore", "-c", START, folder / "packages"]
        with (reports / "log.txt").open("w") as log:
            subprocess.run(
                [*command, "-m", "fuzzingclient", "-s", written],
                stdout=log,
                stderr=log,
                check=True,
                cwd=reports,
            )
    return json.loads((reports / "index.json").read_text())["vernal"]


if __name__ == "__main__":
    main()
