#!/usr/bin/env python3
"""CPU time per request, of several servers side by side in one run.

Each server and the client (wrk) share one core, in turns and several rounds, so that what else the machine does falls
on all servers alike. What is compared is the server's own CPU time by the number of requests it answered.
"""

import argparse
import contextlib
import gzip
import http.client
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import servers

CORE = 0
CONNECTIONS = 64
ORDER = servers.HERE / "order.json"
CATALOGUE = servers.HERE / "catalogue.json"


@dataclass(frozen=True)
class Row:
    """One kind of request, and the one answer that is right."""

    name: str
    target: str
    answer: bytes
    headers: dict = field(default_factory=dict)
    body: bytes | None = None
    script: tuple = ()
    is_file: bool = False
    only: tuple = ()

    def contestants(self, started):
        """The servers that have an answer to this."""
        return [
            server
            for server in started
            if (self.is_file or server.name != servers.NGINX) and server.name in (self.only or (server.name,))
        ]

    def headers_for(self, server):
        if self.name != "session":
            return self.headers
        _, headers = fetch(server, "GET", "/session/new", None, {})
        return {"Cookie": headers["Set-Cookie"].partition(";")[0]}


def all_rows(files):
    hello = b"Hello, World!"
    greeting = b'{"name":"Ada Lovelace","age":16,"skills":["rust","http"]}'
    order = ORDER.read_bytes()
    catalogue = CATALOGUE.read_bytes()
    is_json = {"Content-Type": "application/json"}
    return [
        Row("plaintext", "/plaintext", hello),
        Row("pipelined", "/plaintext", hello, script=("pipeline.lua",)),
        Row("close", "/plaintext", hello, headers={"Connection": "close"}),
        Row("json", "/json", b'{"message":"Hello, World!"}'),
        Row("hello", "/hello/Ada%20Lovelace?age=16&skills=rust&skills=http", greeting),
        Row("body", "/body", order, headers=is_json, body=order, script=("post.lua", ORDER)),
        Row("session", "/session", b"42"),
        Row("route-199", "/route/199", hello),
        Row("gzip", "/catalogue", catalogue, headers={"Accept-Encoding": "gzip"}, only=("vernal", "axum")),
        Row("static-1k", "/static/1k.txt", (files / "1k.txt").read_bytes(), is_file=True),
        Row("static-1m", "/static/1m.bin", (files / "1m.bin").read_bytes(), is_file=True),
    ]


def main():
    options = command_line()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    machine = servers.machine()
    with contextlib.ExitStack() as stack:
        files = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers.write_static_files(files)
        rows = chosen_rows(files, options.rows)
        executables = {name: servers.build(name) for name in options.servers}
        started = [
            stack.enter_context(servers.running(name, executable, files, CORE))
            for name, executable in executables.items()
        ]
        for row in rows:
            for server in row.contestants(started):
                check(row, server)
        samples = {
            row.name: measure(row, row.contestants(started), options.seconds, options.rounds) for row in rows
        }
    setting = f"{machine}; {options.rounds} rounds of {options.seconds} s, {CONNECTIONS} connections"
    report = f"{setting}\n\n{summary(options.servers, samples)}"
    print(report, end="")
    if options.markdown:
        options.markdown.write_text(report)


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    servers.add_option(parser, known=(*servers.PACKAGES, servers.NGINX))
    parser.add_argument("--rows", type=lambda text: text.split(","), metavar="A,B,…", help="(all of them)")
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement (%(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=7, help="measurements of each row and server (%(default)s)"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there, too")
    return parser.parse_args()


def chosen_rows(files, chosen):
    rows = {row.name: row for row in all_rows(files)}
    unknown = set(chosen or ()) - rows.keys()
    if unknown:
        sys.exit(f"no row is named {', '.join(unknown)}; there are {', '.join(rows)}")
    return [rows[name] for name in chosen or rows]


def check(row, server):
    """Makes the row's request once and ends the run if the answer isn't the right one."""
    method = "POST" if row.body else "GET"
    headers = row.headers_for(server)
    answer, fields = fetch(server, method, row.target, row.body, headers)
    if wanted := headers.get("Accept-Encoding"):
        if fields["Content-Encoding"] != wanted:
            sys.exit(
                f"{server.name} answers {fields['Content-Encoding']} to {row.target} instead of {wanted}"
            )
        answer = gzip.decompress(answer)
    if answer != row.answer:
        sys.exit(
            f"{server.name} answers {answer[:200]!r} to {method} {row.target} instead of {row.answer[:200]!r}"
        )


def fetch(server, method, target, body, headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        answer = response.read()
    if response.status != 200:
        sys.exit(f"{server.name} answers {response.status} to {method} {target}: {answer[:200]!r}")
    return answer, response.headers


def measure(row, started, seconds, rounds):
    """Returns, by server, the microseconds of CPU time per request in each round."""
    headers = {server.name: row.headers_for(server) for server in started}
    samples = {server.name: [] for server in started}
    for turn in range(rounds):
        first = turn % len(started)
        for server in started[first:] + started[:first]:
            before = server.cpu_seconds()
            requests = load(row, server, headers[server.name], seconds)
            samples[server.name].append((server.cpu_seconds() - before) / requests * 1e6)
        print(f"{row.name}: round {turn + 1} of {rounds}", file=sys.stderr)
    return samples


def load(row, server, headers, seconds):
    """Lets wrk make the row's request over and over; returns how many were answered."""
    command = ["taskset", "--cpu-list", str(CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    script, *arguments = row.script or (None,)
    if script:
        command += ["-s", servers.HERE / "lua" / script]
    url = f"http://127.0.0.1:{server.port}{row.target}"
    output = subprocess.run(
        [*command, url, "--", *arguments], capture_output=True, text=True, check=True
    ).stdout
    if trouble := re.search(r"(Non-2xx|Socket errors).*", output):
        sys.exit(f"{server.name}, {row.name}: {trouble[0]}")
    return int(re.search(r"(\d+) requests in", output)[1])


def summary(compared, samples):
    subject, *peers = compared
    header = ["row", *(f"{name} µs" for name in compared), *(f"{subject}/{peer}" for peer in peers)]
    return servers.table(header, [summary_line(row, subject, peers, taken) for row, taken in samples.items()])


def summary_line(row, subject, peers, taken):
    times = [f"{median(taken[name]):.2f}" if name in taken else "" for name in (subject, *peers)]
    return [row, *times, *(ratio(taken.get(subject), taken.get(peer)) for peer in peers)]


def ratio(subject, peer):
    """The median of the rounds' ratios, with the lowest and the highest one; nothing if one took no part."""
    if not (subject and peer):
        return ""
    ratios = [ours / theirs for ours, theirs in zip(subject, peer, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


if __name__ == "__main__":
    main()
