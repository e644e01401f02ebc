#!/usr/bin/env python3
"""How long a clean release build of a hello-world takes, and of how many crates: vernal beside axum."""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import servers

MANIFEST = """\
[package]
name = "hello-{name}"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
{dependencies}"""

VERNAL_MAIN = """\
use vernal::prelude::*;

#[route("/")]
async fn index() -> &'static str {
    "Hello, World!"
}

fn main() -> vernal::Result<()> {
    Server::new().port(9090).start()
}
"""

AXUM_MAIN = """\
use axum::{Router, routing::get};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9090").await?;
    axum::serve(listener, Router::new().route("/", get(async || "Hello, World!"))).await
}
"""

# What vernal does without any feature named, and the same put together around axum: files, sessions, routes by regular
# expression, uploads that spool to disk, a log that rolls.
AXUM_FULL = """\
axum = { version = "0.8", default-features = false, features = ["form", "http1", "json", "macros", "multipart", "query", "tokio"] }
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "signal"] }
regex = "1"
tempfile = "3"
tower-http = { version = "0.7", features = ["fs"] }
tower-sessions = "0.15"
tracing-appender = "0.2"
tracing-subscriber = { version = "0.3", features = ["fmt"] }
"""

AXUM_BARE = """\
axum = "0.8"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
"""


def comparisons(vernal):
    """Returns, by variant, the dependencies of the two crates."""
    return {
        "full": {"vernal": f'vernal = {{ path = "{vernal}" }}\n', "axum": AXUM_FULL},
        "bare": {
            "vernal": f'vernal = {{ path = "{vernal}", default-features = false, features = ["macros"] }}\n',
            "axum": AXUM_BARE,
        },
    }


def main():
    options = command_line()
    machine = servers.machine()
    figures = {}
    for variant, dependencies in comparisons(options.vernal.resolve()).items():
        with tempfile.TemporaryDirectory() as folder:
            crates = [Crate(Path(folder), name, lines) for name, lines in dependencies.items()]
            figures[variant] = measure(variant, crates, options.rounds)
    print(f"{machine}; {options.rounds} rounds\n\n{summary(figures)}", end="")


def command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--vernal", type=Path, default=servers.HERE.parent / "crates" / "vernal", metavar="FOLDER"
    )
    parser.add_argument("--rounds", type=int, default=3, help="clean builds of each crate (%(default)s)")
    return parser.parse_args()


class Crate:
    """A user's hello-world crate, its dependencies already downloaded."""

    def __init__(self, parent, name, dependencies):
        self.name = name
        self.folder = parent / name
        (self.folder / "src").mkdir(parents=True)
        (self.folder / "Cargo.toml").write_text(MANIFEST.format(name=name, dependencies=dependencies))
        (self.folder / "src" / "main.rs").write_text(VERNAL_MAIN if name == "vernal" else AXUM_MAIN)
        self.cargo("fetch")

    def cargo(self, *arguments):
        """Runs cargo here, with a target folder of its own and no compiler cache; returns what it prints."""
        environment = os.environ | {"CARGO_TARGET_DIR": str(self.folder / "target"), "RUSTC_WRAPPER": ""}
        command = ["cargo", *arguments, "--quiet"]
        return subprocess.run(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def count(self):
        """How many crates a build compiles, this one and build scripts' and macros' own included."""
        tree = self.cargo("tree", "--edges", "normal,build", "--prefix", "none", "--no-dedupe")
        return len(set(tree.splitlines()))

    def build(self):
        """Builds from nothing; returns the seconds on the clock and of CPU time."""
        shutil.rmtree(self.folder / "target", ignore_errors=True)
        cpu, clock = children_seconds(), time.monotonic()
        self.cargo("build", "--release", "--offline")
        return time.monotonic() - clock, children_seconds() - cpu


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(variant, crates, rounds):
    """Returns, by crate, the number of crates it is built of and the (clock, CPU) seconds of each round."""
    builds = {crate.name: [] for crate in crates}
    for turn in range(rounds):
        for crate in crates if turn % 2 == 0 else reversed(crates):
            builds[crate.name].append(crate.build())
        print(f"{variant}: round {turn + 1} of {rounds}", file=sys.stderr)
    return {crate.name: (crate.count(), builds[crate.name]) for crate in crates}


def summary(figures):
    lines = []
    for variant, figure in figures.items():
        (our_count, our_builds), (their_count, their_builds) = figure["vernal"], figure["axum"]
        lines.append(line(f"{variant}: crates", [our_count], [their_count], "d"))
        for column, what in enumerate(("seconds", "CPU seconds")):
            ours, theirs = ([build[column] for build in builds] for builds in (our_builds, their_builds))
            lines.append(line(f"{variant}: {what}", ours, theirs, ".1f"))
    return servers.table(["clean release build", "vernal", "axum", "vernal/axum"], lines)


def line(what, ours, theirs, style):
    ratio = median(our / their for our, their in zip(ours, theirs, strict=True))
    return [what, format(median(ours), style), format(median(theirs), style), f"{ratio:.2f}"]


if __name__ == "__main__":
    main()
