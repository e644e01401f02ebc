#!/usr/bin/env python3
"""A million requests of many kinds; memory stays flat.

Each client keeps a connection, writes requests of all kinds one behind another, and compares every answer. The memory
is taken when a tenth has been answered, and at the end.
"""

import argparse
import multiprocessing
import socket
import time

import servers


def post(target, body, kind=b"application/octet-stream"):
    head = b"POST " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + kind
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def get(target, fields=b""):
    return b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n"


PART = (
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    + b"u" * 2000
    + b"\r\n--B--\r\n"
)
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nA: b\r\n\r\n"
JSON = b'{"items":[1,2,3],"name":"Ada"}'

# A request, the status of its answer, and the end of its bytes.
KINDS = [
    (get(b"/"), 200, b"Hello, World!"),
    (get(b"/target?a=b", b"Cookie: a=b; c=d\r\nAccept: */*\r\n"), 200, b"localhost"),
    (post(b"/echo", b"e" * 500), 200, b"e" * 500),
    (post(b"/json", JSON, b"application/json"), 200, JSON),
    (CHUNKED, 200, b"abcde"),
    (get(b"/none"), 404, b"}"),
    (get(b"/stream"), 200, b"2\n\r\n2\r\n3\n\r\n0\r\n\r\n"),
    (post(b"/upload", PART, b"multipart/form-data; boundary=B"), 200, b"a.txt 2000"),
    (post(b"/json", b"{", b"application/json"), 400, b"}"),
    (get(b"/"), 200, b"Hello, World!"),
]
BATCH = b"".join(request for request, _, _ in KINDS)


def client(address, batches, progress, wrong):
    with socket.create_connection(address, 30) as connection:
        expected = None
        for _ in range(batches):
            connection.sendall(BATCH)
            answers = read_batch(connection)
            expected = expected or check(answers)
            if answers.count(b"HTTP/1.1 ") != len(KINDS) or undated(answers) != expected:
                with wrong.get_lock():
                    wrong.value += 1
            with progress.get_lock():
                progress.value += len(KINDS)


def read_batch(connection):
    """Reads as many answers as there are kinds; the last one is known by its body."""
    answers = b""
    while not (answers.endswith(b"Hello, World!") and answers.count(b"HTTP/1.1 ") == len(KINDS)):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        answers += piece
    return answers


def undated(answers):
    return b"\r\n".join(line for line in answers.split(b"\r\n") if not line.startswith(b"date: "))


def check(answers):
    """Compares the first batch with what is right; the others are compared with it."""
    parts = answers.split(b"HTTP/1.1 ")[1:]
    for (request, status, end), part in zip(KINDS, parts, strict=True):
        if not (part.startswith(b"%d " % status) and part.endswith(end)):
            raise ValueError(f"to {request[:60]!r} came {part[:300]!r}")
    return undated(answers)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="(%(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="(%(default)s)")
    options = parser.parse_args()
    batches = options.requests // options.clients // len(KINDS)
    total = batches * options.clients * len(KINDS)
    progress, wrong = multiprocessing.Value("Q", 0), multiprocessing.Value("Q", 0)
    failures = []
    with servers.running(servers.build(release=True)) as server:
        arguments = (server.address, batches, progress, wrong)
        clients = [multiprocessing.Process(target=client, args=arguments) for _ in range(options.clients)]
        began = time.monotonic()
        for process in clients:
            process.start()
        before = None
        while any(process.is_alive() for process in clients):
            if before is None and progress.value >= total / 10:
                before = server.resident_kib()
            time.sleep(0.05)
        seconds = time.monotonic() - began
        after = server.resident_kib()
        answered = progress.value
        failures += [f"a client ended with {process.exitcode}" for process in clients if process.exitcode]
        cpu = server.cpu_seconds()
    before = before or after
    if wrong.value:
        failures.append(f"{wrong.value} batches of answers were wrong")
    if after > before + 8192:
        failures.append(f"memory has grown by {after - before} KiB")
    servers.finish(
        failures,
        f"{answered} requests of {len(KINDS)} kinds in {seconds:.0f} s ({answered / seconds:.0f}/s, "
        f"{cpu / max(answered, 1) * 1e6:.1f} µs of CPU each); memory {before} KiB after a tenth, {after} KiB at the end",
    )


if __name__ == "__main__":
    main()
