#!/usr/bin/env python3
"""CPU time per request of vernal's Python package and others, side by side in one run.

As in run.py each server and the client share one core, in turns and several rounds. Controllers are written as `def` in
one table, as `async def` in the other.
"""

import argparse
import contextlib
import dataclasses
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import python_servers
import run
import servers
import websocket
from python_servers import KINDS, SIDES, WEBSOCKETS, PythonServer

ROWS = ("plaintext", "json", "hello", "body", "session", "route-199", "static-1k")
# how often the memory is looked at in an endurance run
PARTS = 5
MEASURES = ("cpu", "latency", "start", "websocket", "endurance")


def main():
    options = command_line()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    measures = {
        "cpu": cpu,
        "latency": latency,
        "start": start,
        "websocket": websockets,
        "endurance": endurance,
    }
    report = [servers.machine()]
    with tempfile.TemporaryDirectory() as temporary:
        options.files = Path(temporary) / "files"
        options.files.mkdir()
        servers.write_static_files(options.files)
        options.programs = Path(temporary) / "programs"
        options.programs.mkdir()
        options.programs = python_servers.write_programs(options.programs)
        if not options.keep:
            for kind in {kind.environment: kind for kind in (*KINDS.values(), *WEBSOCKETS.values())}.values():
                python_servers.install(kind, options.python)
        report.append(python_servers.versions((*KINDS.values(), *WEBSOCKETS.values())))
        for name in options.measures:
            report.append(measures[name](options))
            print(f"\n{report[-1]}")
    if options.markdown:
        options.markdown.write_text("\n\n".join(report))


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measures", type=names(MEASURES), default=MEASURES, metavar="A,B,…")
    parser.add_argument("--sides", type=names(SIDES), default=tuple(SIDES), metavar="def,async def")
    parser.add_argument("--servers", type=names(KINDS), default=tuple(KINDS), metavar="A,B,…")
    parser.add_argument("--rows", type=names(ROWS), default=ROWS, metavar="A,B,…")
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each row (%(default)s)")
    parser.add_argument("--requests", type=int, default=1_000_000, help="of the endurance run (%(default)s)")
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter of all servers (%(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="show what the servers write")
    parser.add_argument("--keep", action="store_true", help="install nothing: use what is there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    return parser.parse_args()


def names(known):
    return lambda text: servers.names(text, known)


@contextlib.contextmanager
def serving(name, kind, side, options):
    """Starts a server with controllers of this kind, and stops it in the end."""
    server = PythonServer(
        name,
        kind,
        options.programs[side],
        options.files,
        run.CORE,
        is_async=side == "async def",
        verbose=options.verbose,
    )
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def all_serving(stack, side, options):
    chosen = [name for name in SIDES[side] if name in options.servers]
    return [stack.enter_context(serving(name, KINDS[name], side, options)) for name in chosen]


def cpu(options):
    """The tables of CPU time per request."""
    rows = {row.name: row for row in run.all_rows(options.files)}
    parts = []
    for side in options.sides:
        with contextlib.ExitStack() as stack:
            started = all_serving(stack, side, options)
            samples, rates = {}, {}
            for row in map(rows.get, options.rows):
                able = [server for server in started if server.kind.has(row.name)]
                for server in able:
                    check(row, server)
                samples[row.name], rates[row.name] = measure(row, able, options)
        compared = [server.name for server in started]
        setting = f"`{side}`, {options.rounds} rounds of {options.seconds} s, {run.CONNECTIONS} connections"
        parts.append(f"{setting}:\n\n{run.summary(compared, samples)}\n{rate_table(compared, rates)}")
    return "\n".join(parts)


def rate_table(compared, rates):
    """Requests a second: client and server share a core, so this is not what a server can do alone."""
    lines = [
        [row, *(f"{median(taken[name]):.0f}" if name in taken else "" for name in compared)]
        for row, taken in rates.items()
    ]
    return servers.table(["row", *(f"{name} 1/s" for name in compared)], lines)


def asked(row, server):
    """The row's request as this server can answer it: the original has no path value with a space in it."""
    if row.name == "hello" and server.name == "original":
        target, answer = (row.target.replace("%20Lovelace", ""), row.answer.replace(b" Lovelace", b""))
        return dataclasses.replace(row, target=target, answer=answer)
    return row


def check(row, server):
    """Makes the row's request once; JSON may be spaced as the server likes."""
    row = asked(row, server)
    method = "POST" if row.body else "GET"
    answer, fields = run.fetch(server, method, row.target, row.body, row.headers_for(server))
    is_json = fields.get_content_type() == "application/json"
    if wrong(answer, row.answer, is_json):
        sys.exit(f"{server.name} answers {answer[:200]!r} to {row.target} instead of {row.answer[:200]!r}")


def wrong(answer, wanted, is_json):
    return json.loads(answer) != json.loads(wanted) if is_json else answer != wanted


def measure(row, started, options):
    """Returns, by server, the microseconds of CPU time per request and the requests a second in each round."""
    headers = {server.name: row.headers_for(server) for server in started}
    samples = {server.name: [] for server in started}
    rates = {server.name: [] for server in started}
    for server in started:
        load(row, server, headers[server.name], 0.3)
    for turn in range(options.rounds):
        first = turn % len(started)
        for server in started[first:] + started[:first]:
            before, began = server.cpu_seconds(), time.monotonic()
            requests, _ = load(row, server, headers[server.name], options.seconds)
            samples[server.name].append((server.cpu_seconds() - before) / requests * 1e6)
            rates[server.name].append(requests / (time.monotonic() - began))
        print(f"{row.name}: round {turn + 1} of {options.rounds}", file=sys.stderr)
    return samples, rates


def load(row, server, headers, seconds):
    """Lets wrk make the row's request over and over; how many were answered, and the 99th percentile in ms."""
    row = asked(row, server)
    command = ["taskset", "--cpu-list", str(run.CORE), "wrk", "-t1", f"-c{run.CONNECTIONS}", "--latency"]
    command.append(f"-d{max(1, round(seconds))}s")
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    script, *arguments = row.script or (None,)
    if script:
        command += ["-s", servers.HERE / "lua" / script]
    url = f"http://127.0.0.1:{server.port}{row.target}"
    done = subprocess.run([*command, url, "--", *arguments], capture_output=True, text=True, check=True)
    # the original resets connections under load: only what it has answered is counted
    kinds = "Non-2xx" if server.name == "original" else "Non-2xx|Socket errors"
    if trouble := re.search(rf"({kinds}).*", done.stdout):
        sys.exit(f"{server.name}, {row.name}: {trouble[0]}")
    number, unit = re.search(r"99% +([\d.]+)(us|ms|s)", done.stdout).groups()
    requests = int(re.search(r"(\d+) requests in", done.stdout)[1])
    return requests, float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def latency(options):
    """The 99th percentile of the time to an answer, with as many requests a second as the core allows."""
    row = next(row for row in run.all_rows(options.files) if row.name == "hello")
    parts = []
    for side in options.sides:
        with contextlib.ExitStack() as stack:
            started = all_serving(stack, side, options)
            taken = {server.name: [] for server in started}
            for turn in range(options.rounds):
                first = turn % len(started)
                for server in started[first:] + started[:first]:
                    taken[server.name].append(load(row, server, {}, options.seconds)[1])
        lines = [[name, f"{median(values):.2f}", f"{min(values):.2f}"] for name, values in taken.items()]
        table = servers.table([f"hello, {side}", "p99 ms", "lowest round"], lines)
        parts.append(table)
    return "\n".join(parts)


def start(options):
    """Seconds from the start of the process to its first answer, and of importing the engine alone."""
    lines = []
    for name in [name for name in SIDES["def"] if name in options.servers]:
        taken = [first_answer(name, options) for _ in range(options.rounds)]
        lines.append([name, f"{median(taken):.3f}"])
    python = python_servers.ENVIRONMENTS / "vernal" / "bin" / "python"
    for first, module in (
        ("sys", "simple_http_server"),
        ("simple_http_server", "simple_http_server._engine"),
    ):
        program = IMPORT.format(first=first, module=module)
        command = [python, "-c", program]
        done = [
            subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(options.rounds)
        ]
        taken = [float(run.stdout) for run in done]
        lines.append([f"import {module}", f"{median(taken):.3f}"])
    return servers.table(["start", "seconds"], lines)


# CPU time: what else the machine does is no part of it
IMPORT = """
import time, {first}
before = time.process_time()
import {module}
print(time.process_time() - before)
"""


def first_answer(name, options):
    began = time.monotonic()
    with serving(name, KINDS[name], "def", options) as server:
        run.fetch(server, "GET", "/plaintext", None, {})
        return time.monotonic() - began


def endurance(options):
    """The resident memory of vernal's package in the course of many requests of all kinds."""
    rows = [row for row in run.all_rows(options.files) if row.name in ROWS]
    lines = []
    for side in options.sides:
        with serving("vernal", KINDS["vernal"], side, options) as server:
            requests = 0
            headers = {row.name: row.headers_for(server) for row in rows}
            for part in range(1, PARTS + 1):
                while requests < options.requests * part / PARTS:
                    requests += sum(load(row, server, headers[row.name], 1)[0] for row in rows)
                lines.append([side, f"{requests}", f"{server.resident_kib() / 1024:.1f}"])
                print(f"endurance: {requests} requests", file=sys.stderr)
    return servers.table(["controllers", "requests", "resident MiB"], lines)


def websockets(options):
    """The table of CPU time per echoed WebSocket message."""
    client = websocket.build("load")
    rows = []
    with contextlib.ExitStack() as stack:
        started = {
            name: stack.enter_context(serving(name, kind, "def", options))
            for name, kind in WEBSOCKETS.items()
        }
        for label, size in (("16 B", 16), ("1 KiB", 1024)):
            for connections in websocket.CONNECTIONS:
                settings = (connections, size, options.seconds, "binary")
                taken = echo(client, started, settings, options.rounds)
                times = [f"{median(values):.2f}" for values in taken.values()]
                ratios = [run.ratio(taken["vernal"], values) for values in list(taken.values())[1:]]
                rows.append([f"{label}, {connections}", *times, *ratios])
    header = [
        "size, connections",
        *(f"{name} µs" for name in WEBSOCKETS),
        *(f"vernal/{name}" for name in list(WEBSOCKETS)[1:]),
    ]
    return servers.table(header, rows)


def echo(client, started, settings, rounds):
    """Returns, by server, the microseconds of CPU time per message in each round."""
    taken = {name: [] for name in started}
    order = list(started)
    for turn in range(rounds):
        first = turn % len(order)
        for name in order[first:] + order[:first]:
            server = started[name]
            before = server.cpu_seconds()
            arguments = map(str, (server.port, *settings))
            command = ["taskset", "--cpu-list", str(run.CORE), client, *arguments]
            messages = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            taken[name].append((server.cpu_seconds() - before) / messages * 1e6)
    return taken


if __name__ == "__main__":
    main()
