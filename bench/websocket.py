#!/usr/bin/env python3
"""CPU time per echoed WebSocket message, of several servers side by side in one run.

The client sends the same message over each of its connections and waits for its echo before it sends the next. Servers
and client share one core, in turns and several rounds. What is compared is the server's own CPU time by the number of
messages it echoed.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import time
from statistics import median

import servers
from run import CORE, ratio

PEERS = ["vernal", "fastwebsockets", "axum", "actix"]
SIZES = {"16 B": 16, "1 KiB": 1024, "64 KiB": 64 * 1024}
CONNECTIONS = [1, 16, 64]


def main():
    options = command_line()
    machine = servers.machine()
    load = build("load")
    executables = {name: build(name) for name in PEERS}
    rows = []
    with contextlib.ExitStack() as stack:
        started = {name: start(stack, executable) for name, executable in executables.items()}
        for label, size in SIZES.items():
            for connections in CONNECTIONS:
                taken = measure(
                    load, started, (connections, size, options.seconds, options.kind), options.rounds
                )
                times = [f"{median(values):.2f}" for values in taken.values()]
                ratios = [ratio(taken["vernal"], taken[peer]) for peer in PEERS[1:]]
                rows.append([f"{label}, {connections}", *times, *ratios])
    header = [
        "size, connections",
        *(f"{name} µs" for name in PEERS),
        *(f"vernal/{peer}" for peer in PEERS[1:]),
    ]
    print(f"{machine}; {options.rounds} rounds of {options.seconds} s, {options.kind} messages\n")
    print(servers.table(header, rows), end="")


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each row (%(default)s)")
    parser.add_argument("--kind", choices=["text", "binary"], default="binary", help="(%(default)s)")
    return parser.parse_args()


def build(name):
    """Builds one of the programs in websocket/, alone, and returns the path of its executable."""
    manifest = servers.HERE / "Cargo.toml"
    command = ["cargo", "build", "--release", "--manifest-path", manifest, "--package", f"websocket-{name}"]
    output = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"], stdout=subprocess.PIPE, check=True
    ).stdout
    messages = map(json.loads, output.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


def start(stack, executable):
    """Starts a server on the core; returns its port and its process."""
    port = servers.free_port()
    process = subprocess.Popen(["taskset", "--cpu-list", str(CORE), executable, str(port)])
    stack.callback(process.wait)
    stack.callback(process.kill)
    time.sleep(0.5)
    if process.poll() is not None:
        sys.exit(f"{executable} did not start")
    return port, process


def measure(load, started, settings, rounds):
    """Returns, by server, the microseconds of CPU time per message in each round."""
    taken = {name: [] for name in started}
    names = list(started)
    connections, size, seconds, kind = settings
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            port, process = started[name]
            clock = (~process.pid << 3) | 2
            before = time.clock_gettime(clock)
            arguments = [port, connections, size, seconds, kind]
            command = ["taskset", "--cpu-list", str(CORE), load, *map(str, arguments)]
            messages = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            taken[name].append((time.clock_gettime(clock) - before) / messages * 1e6)
    return taken


if __name__ == "__main__":
    main()
