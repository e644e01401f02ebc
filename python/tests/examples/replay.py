"""Puts the cases to a server and compares its answers."""

import base64
import gzip
import json
import os
import re
import socket
from typing import Any, Dict, List

Case = Dict[str, Any]

PATIENCE = 60


def cases() -> List[Case]:
    """All cases; see ``cases.jsonl``."""
    with open(os.path.join(os.path.dirname(__file__), "cases.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def content(holder: Dict[str, Any]) -> bytes:
    """The body of a request or of a response."""
    if "body_b64" in holder:
        return base64.b64decode(holder["body_b64"])
    return (holder.get("body_gunzip") or holder.get("body") or "").encode("utf-8")


def as_bytes(asked: Dict[str, Any]) -> bytes:
    """A request as it goes over the wire. The connection ends with the answer, unless the case says otherwise."""
    if "raw" in asked:
        return asked["raw"].encode("latin-1")
    fields = dict(asked.get("headers", {}))
    names = {name.lower() for name in fields}
    body = content(asked)
    if "host" not in names:
        fields["Host"] = "localhost"
    if "connection" not in names:
        fields["Connection"] = "close"
    if ("body" in asked or "body_b64" in asked) and "content-length" not in names:
        fields["Content-Length"] = str(len(body))
    lines = [f"{asked['method']} {asked['target']} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + body


def exchange(port: int, sent: bytes) -> bytes:
    """Sends this and reads to the end of the connection, or to where another protocol begins."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(sent)
        while piece := connection.recv(65536):
            received += piece
            if received.startswith(b"HTTP/1.1 101") and b"\r\n\r\n" in received:
                break
    return received


def differences(wanted: Dict[str, Any], received: bytes, *, phrases: bool = True) -> List[str]:
    """What is other than it should be, in words."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return [f"no whole answer: {received[:80]!r}"]
    status_line, *lines = head.decode("latin-1").split("\r\n")
    _, status, reason = f"{status_line}  ".split(" ", 2)
    fields: Dict[str, List[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip())

    different = []

    def compare(what: str, is_there: Any, should_be: Any) -> None:
        if is_there != should_be:
            different.append(f"{what}: {is_there!r} instead of {should_be!r}")

    compare("status", status, str(wanted["status"]))
    if phrases:
        compare("reason", reason.strip(), wanted["reason"])
    for name, value in wanted.get("headers", {}).items():
        compare(name, fields.get(name.lower()), value if isinstance(value, list) else [value])
    for name in wanted.get("headers_absent", []):
        compare(name, fields.get(name.lower()), None)
    for name, pattern in wanted.get("headers_re", {}).items():
        if not any(re.search(pattern, value) for value in fields.get(name.lower(), [])):
            different.append(f"{name}: {fields.get(name.lower())!r} does not match {pattern}")
    if fields.get("transfer-encoding") == ["chunked"]:
        body = _joined(body)
    if "body_gunzip" in wanted:
        body = gzip.decompress(body)
    if wanted.get("body", "") is not None:
        compare("body", body, content(wanted))
    return different


def _joined(chunked: bytes) -> bytes:
    """The content of a body in chunks."""
    body = b""
    while True:
        size, _, chunked = chunked.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return body
        body, chunked = body + chunked[:length], chunked[length + 2 :]
