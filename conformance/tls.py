#!/usr/bin/env python3
"""TLS as testssl.sh sees it: protocols, ciphers, certificate, known attacks.

Starts a server with a certificate of an authority made for this run, which testssl.sh is told to trust, so that a
finding about trust is an honest one. Prints what is worse than LOW, and what testssl.sh could not test; fails if
anything is worse than LOW. Takes about three minutes, needs openssl and testssl.sh (Debian: apt-get install testssl.sh).
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import servers

# What an application says in its header fields is its own business; the program that is examined says nothing there.
NOT_TLS = ("security_headers",)
WORSE_THAN_LOW = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="print every finding")
    options = parser.parse_args()
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    if program is None:
        sys.exit("testssl.sh is missing: apt-get install testssl.sh")
    executable = servers.build()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_certificate(folder)
        with servers.running(executable, f"tls={folder / 'server'}") as server:
            findings = examine(program, server, folder)
            survived = server.is_running()
    kinds = Counter(finding["severity"] for finding in findings)
    worse = [finding for finding in findings if finding["severity"] in WORSE_THAN_LOW]
    failures = [text(finding) for finding in worse if finding["id"] not in NOT_TLS]
    for finding in findings:
        if options.all or finding["severity"] in ("LOW", "WARN"):
            print(text(finding))
        elif finding in worse and finding["id"] in NOT_TLS:
            print(f"{text(finding)} (of HTTP, not of TLS: not counted)")
    if not survived:
        failures.append("the server has ended")
    if kinds["OK"] < 20:
        failures.append(
            "testssl.sh found fewer than 20 things to be as they should: did it reach the server?"
        )
    servers.finish(
        failures, f"{len(findings)} findings: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}"
    )


def make_certificate(folder):
    """An authority, and a certificate of it that says where revocations are, as those of real authorities do."""
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    authority = ["-days", "365", "-subj", "/CN=conformance authority", "-keyout", "ca.key", "-out", "ca.pem"]
    server = ["-days", "180", "-subj", "/CN=localhost", "-CA", "ca.pem", "-CAkey", "ca.key"]
    extensions = (
        "subjectAltName=DNS:localhost",
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=serverAuth",
        "crlDistributionPoints=URI:http://localhost/revoked.crl",
    )
    for extension in extensions:
        server += ["-addext", extension]
    server += ["-keyout", "server.key", "-out", "server.pem"]
    for arguments in (authority, server):
        subprocess.run([*request, *arguments], cwd=folder, check=True, capture_output=True)


def examine(program, server, folder):
    """All findings of testssl.sh."""
    report = folder / "report.json"
    command = [program, "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", report]
    command += ["--add-ca", folder / "ca.pem", "--ip", "127.0.0.1", f"localhost:{server.address[1]}"]
    done = subprocess.run(
        command, check=False, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if not report.exists():
        sys.exit(f"testssl.sh made no report:\n{done.stdout}{done.stderr}")
    return json.loads(report.read_text())


def text(finding):
    return f"{finding['severity']:8} {finding['id']}: {finding['finding']}"


if __name__ == "__main__":
    main()
