#!/usr/bin/env python3
"""HTTP/2 as RFC 9113 wants it (and 7541, 8441, 9110): frames written by hand, and what the server says to each.

Prints the cases that fail and how many there were; a case that is known to fail is listed with its reason.
"""

import argparse
import re
import select
import struct
import time

import servers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

ERRORS = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
]

# How long the server may take to say something, in seconds.
PATIENCE = 20
# How long silence has to last to be taken for consent, where nothing is wanted.
SILENCE = 0.3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="TEXT", help="the cases whose section or title has this text")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.only or options.only in f"{case.section} {case.title}"]
    with servers.running(servers.build()) as server:
        failures, known = [], []
        for case in cases:
            got = case.run(server)
            if case.is_met(got):
                if case.known:
                    failures.append(f"{case}: it is met now, so it is not to be listed as known")
            elif case.known:
                known.append(f"{case}: got {got} ({case.known})")
            else:
                failures.append(f"{case}: wanted {' or '.join(case.wanted)}, got {got}")
            if server.get("/") != (200, b"Hello, World!"):
                failures.append(f"{case}: the server does not serve others any longer")
                break
    for line in known:
        print(f"known: {line}")
    servers.finish(failures, f"{len(cases)} cases, {len(failures)} failed, {len(known)} known to fail")


# Cases: what a client does, and the outcomes that the RFC allows.

CASES = []


class Case:
    def __init__(self, section, title, wanted, known, play):
        self.section, self.title, self.wanted, self.known, self.play = section, title, wanted, known, play

    def __str__(self):
        return f"[{self.section}] {self.title}"

    def run(self, server):
        try:
            with server.connect(PATIENCE) as connection:
                return str(self.play(Client(connection)))
        except (BrokenPipeError, ConnectionResetError):
            return "closed"
        except TimeoutError:
            return "silence"

    def is_met(self, got):
        return any(re.fullmatch(wanted, got) for wanted in self.wanted)


def case(section, title, *wanted, known=None):
    """A case for each function: what it returns has to match one of the patterns."""

    def add(play):
        CASES.append(Case(section, title, wanted, known, play))
        return play

    return add


def connection_error(*names):
    return "connection error: (" + "|".join(names) + ")"


def stream_error(*names):
    """An endpoint may treat a stream error as one of the connection (RFC 9113 section 5.4.1)."""
    return "(stream|connection) error: (" + "|".join(names) + ")"


MALFORMED = [stream_error("PROTOCOL_ERROR"), "answer 400"]
CLOSED = "closed"


class Client:
    """One end of a connection that sends frames, right or wrong."""

    def __init__(self, connection):
        self.connection = connection
        self.pending = b""
        self.is_open = True

    def send(self, *frames):
        self.connection.sendall(b"".join(frames))
        return self

    def begin(self, settings=b""):
        return self.send(PREFACE, frame(SETTINGS, 0, 0, settings))

    def frame(self, timeout=PATIENCE):
        """The next frame as (kind, flags, stream, payload); none when the server closes."""
        while len(self.pending) < 9 or len(self.pending) < 9 + int.from_bytes(self.pending[:3]):
            if not select.select([self.connection], [], [], timeout)[0]:
                raise TimeoutError
            try:
                more = self.connection.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.pending += more
        length = int.from_bytes(self.pending[:3])
        kind, flags, stream = struct.unpack(">BBI", self.pending[3:9])
        payload, self.pending = self.pending[9 : 9 + length], self.pending[9 + length :]
        if kind == SETTINGS and not flags & ACK:
            self.connection.sendall(frame(SETTINGS, ACK, 0))
        return kind, flags, stream, payload

    def frames(self, timeout=PATIENCE):
        while found := self.frame(timeout):
            yield found

    def outcome(self, stream=1):
        """How the stream ends: `answer 200`, `stream error: X`, `connection error: X`, `closed` or `silence`."""
        answer = Answer()
        for kind, flags, of, payload in self.frames():
            if kind == GOAWAY:
                code = int.from_bytes(payload[4:8])
                if code:
                    return f"connection error: {ERRORS[code]}"
            elif of == stream and kind == RST_STREAM:
                code = int.from_bytes(payload)
                if not (answer.is_over and code == 0):
                    return f"stream error: {ERRORS[code]}"
            elif of == stream and kind in (HEADERS, DATA):
                answer.take(kind, payload)
                if kind == DATA:
                    self.send(
                        window_update(0, len(payload)), window_update(of, len(payload))
                    ) if payload else None
                if flags & END_STREAM:
                    return answer
        return CLOSED

    def verdict(self):
        """The error that ends the connection, or `alive` if a further request is answered."""
        self.send(request(99))
        outcome = self.outcome(99)
        return "alive" if str(outcome) == "answer 200" else outcome


class Answer:
    def __init__(self):
        self.statuses, self.body, self.block, self.sizes, self.is_over = [], b"", b"", [], False

    def take(self, kind, payload):
        if kind == HEADERS:
            self.statuses.append(status(payload))
            self.block += payload
        else:
            self.body += payload
            self.sizes.append(len(payload))

    def __str__(self):
        return "answer " + " ".join(map(str, self.statuses))


def status(block):
    """The status of a header block, which comes first (RFC 7541 appendices A and B)."""
    if 0x88 <= block[0] <= 0x8E:
        return {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}[block[0]]
    length, text = block[1] & 0x7F, block[2 : 2 + (block[1] & 0x7F)]
    if not block[1] & 0x80:
        return int(text)
    bits = "".join(f"{byte:08b}" for byte in text)
    codes = {"00000": "0", "00001": "1", "00010": "2"} | {f"{0x16 + n:06b}": str(n) for n in range(3, 10)}
    digits, code = "", ""
    for bit in bits[: length * 8]:
        code += bit
        if code in codes:
            digits, code = digits + codes[code], ""
    return int(digits)


# Frames and header blocks. Every field is a literal without indexing unless a case wants it otherwise.


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream) + payload


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4))


def reset(stream, code=8):
    return frame(RST_STREAM, 0, stream, code.to_bytes(4))


def setting(name, value):
    return struct.pack(">HI", name, value)


def integer(value, prefix=7, first=0):
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes([first | value])
    out, value = [first | limit], value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def text(value):
    value = value.encode("latin-1") if isinstance(value, str) else value
    return integer(len(value)) + value


def literal(name, value, first=0):
    return bytes([first]) + text(name) + text(value)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def pseudo(method="GET", path="/", authority="localhost", scheme="http"):
    fields = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    return [(name, value) for name, value in fields if value is not None]


def headers(stream, fields, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, fields if isinstance(fields, bytes) else block(fields))


def request(stream, *more, end=True, **pseudo_fields):
    flags = END_HEADERS | (END_STREAM if end else 0)
    return headers(stream, [*pseudo(**pseudo_fields), *more], flags)


def post(stream, *more, path="/echo"):
    return request(stream, *more, end=False, method="POST", path=path)


def data(stream, payload=b"", end=True):
    return frame(DATA, END_STREAM if end else 0, stream, payload)


# RFC 9113 section 3: starting HTTP/2


@case("9113 3.3", "prior knowledge: a request is answered", "answer 200")
def _(client):
    return client.begin().send(request(1)).outcome()


@case("9113 3.4", "the first frame of the server is SETTINGS", "4")
def _(client):
    return client.begin().frame()[0]


@case("9113 3.4", "the server does not wait for the client's SETTINGS", "4")
def _(client):
    return client.send(PREFACE).frame()[0]


@case("9113 3.4", "a preface in pieces of one byte", "answer 200")
def _(client):
    for byte in PREFACE:
        client.send(bytes([byte]))
        time.sleep(0.002)
    return client.send(frame(SETTINGS), request(1)).outcome()


@case("9113 3.4", "a preface and a request in one piece", "answer 200")
def _(client):
    return client.send(PREFACE + frame(SETTINGS) + request(1)).outcome()


@case("9113 3.4", "a wrong preface", "closed|HTTP/1")
def _(client):
    client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
    first = client.connection.recv(6)
    return first.decode() if first else CLOSED


@case("9113 3.4", "no SETTINGS after the preface", connection_error("PROTOCOL_ERROR"), CLOSED)
def _(client):
    return client.send(PREFACE, frame(PING, 0, 0, bytes(8)), request(1)).outcome()


@case("9113 3.1", "Upgrade: h2c is obsolete and ignored", "HTTP/1.1 200")
def _(client):
    client.send(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    )
    return client.connection.recv(12).decode()


# Section 4: frames


@case("9113 4.1", "frames of unknown types are ignored", "answer 200")
def _(client):
    return client.begin().send(frame(0xBE, 0xFF, 0, b"what"), frame(0xEF, 0, 1, b"?"), request(1)).outcome()


@case("9113 4.1", "undefined flags are ignored", "answer 200")
def _(client):
    return (
        client.begin()
        .send(frame(PING, 0xF6, 0, bytes(8)), headers(1, pseudo(), 0xD5 & ~HAS_PRIORITY))
        .outcome()
    )


@case("9113 4.1", "the reserved bit of the stream is ignored", "answer 200")
def _(client):
    whole = bytearray(request(1))
    whole[5] |= 0x80
    return client.begin().send(bytes(whole)).outcome()


@case("9113 4.2", "DATA over SETTINGS_MAX_FRAME_SIZE", stream_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(post(1), data(1, bytes(16385))).outcome()


@case("9113 4.2", "HEADERS over SETTINGS_MAX_FRAME_SIZE", connection_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(request(1, ("x", "y" * 16400))).outcome()


@case("9113 4.2", "DATA of the greatest size", "answer 200")
def _(client):
    return client.begin().send(post(1, path="/count"), data(1, bytes(16384))).outcome()


@case("9113 4.3", "a header block that cannot be decoded", connection_error("COMPRESSION_ERROR"))
def _(client):
    return client.begin().send(headers(1, b"\x80")).outcome()


@case("9113 4.3", "a frame of another kind within a header block", connection_error("PROTOCOL_ERROR"))
def _(client):
    half = headers(1, pseudo(), END_STREAM)
    return client.begin().send(half, frame(PING, 0, 0, bytes(8))).outcome()


# Section 5: streams


for title, sent in [
    ("DATA", data(1, b"x")),
    ("RST_STREAM", reset(1)),
    ("WINDOW_UPDATE", window_update(1, 1)),
    ("CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, block(pseudo()))),
]:

    @case("9113 5.1", f"{title} on an idle stream", connection_error("PROTOCOL_ERROR"))
    def _(client, sent=sent):
        return client.begin().send(sent).outcome()


# PROTOCOL_ERROR is what the section's last paragraph allows: the frame is one that the state does not permit.
NOT_OPEN = stream_error("STREAM_CLOSED", "PROTOCOL_ERROR")


@case("9113 5.1", "DATA after END_STREAM", NOT_OPEN)
def _(client):
    client.begin().send(request(1, path="/sleep?milliseconds=3000"), data(1, b"x"))
    return client.outcome()


@case("9113 5.1", "HEADERS after END_STREAM", NOT_OPEN)
def _(client):
    client.begin().send(request(1, path="/sleep?milliseconds=3000"), request(1))
    return client.outcome()


@case("9113 5.1", "DATA after the client's own RST_STREAM", NOT_OPEN)
def _(client):
    client.begin().send(post(1), reset(1), data(1, b"x"))
    return client.outcome()


@case("9113 5.1", "HEADERS after the client's own RST_STREAM", NOT_OPEN)
def _(client):
    client.begin().send(post(1), reset(1), request(1))
    return client.outcome()


@case("9113 5.1", "HEADERS on a stream that has ended", NOT_OPEN)
def _(client):
    client.begin().send(request(1)).outcome()
    return client.send(request(1)).outcome()


@case("9113 5.1", "WINDOW_UPDATE on a stream that has ended is ignored", "alive")
def _(client):
    client.begin().send(request(1)).outcome()
    return client.send(window_update(1, 1)).verdict()


@case("9113 5.1", "RST_STREAM on a stream that has ended is ignored", "alive")
def _(client):
    client.begin().send(request(1)).outcome()
    return client.send(reset(1)).verdict()


@case("9113 5.1", "PRIORITY is accepted in any state", "answer 200")
def _(client):
    priority = struct.pack(">IB", 0, 15)
    client.begin().send(frame(PRIORITY, 0, 5, priority), request(1))
    return client.send(frame(PRIORITY, 0, 1, priority)).outcome()


@case("9113 5.1.1", "a request on an even stream", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(request(2)).outcome(2)


@case("9113 5.1.1", "a new stream with a smaller number", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(request(5), request(3)).outcome(3)


@case("9113 5.1.1", "numbers may be left out", "answer 200")
def _(client):
    return client.begin().send(request(2**31 - 1)).outcome(2**31 - 1)


@case("9113 5.1.2", "more streams than announced", stream_error("REFUSED_STREAM", "PROTOCOL_ERROR"))
def _(client):
    client.begin()
    client.send(*(request(1 + 2 * n, path="/sleep?milliseconds=4000") for n in range(129)))
    return client.outcome(257)


@case("9113 5.1.2", "the number of streams is announced", "128")
def _(client):
    _, _, _, payload = client.begin().frame()
    return dict(struct.iter_unpack(">HI", payload))[3]


@case("9113 5.1", "answers come in the order in which they are ready", "2 before 1")
def _(client):
    client.begin().send(request(1, path="/sleep?milliseconds=500"), request(3))
    order = [of for kind, _, of, _ in takewhile_stream_ends(client, 2) if kind == HEADERS]
    return "2 before 1" if order == [3, 1] else order


def takewhile_stream_ends(client, count):
    for found in client.frames():
        yield found
        count -= found[0] in (HEADERS, DATA) and found[1] & END_STREAM
        if not count:
            return


# Section 6: frame definitions


@case("9113 6.1", "DATA on stream 0", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(data(0, b"x")).outcome()


@case("9113 6.1", "padding as long as the payload", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(post(1), frame(DATA, PADDED | END_STREAM, 1, b"\x05abcd")).outcome()


@case("9113 6.1", "padding is no content", "b'ab'")
def _(client):
    client.begin().send(post(1), frame(DATA, PADDED | END_STREAM, 1, b"\x03ab\0\0\0"))
    return client.outcome().body


@case("9113 6.2", "HEADERS on stream 0", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(request(0)).outcome()


@case("9113 6.2", "HEADERS with too much padding", connection_error("PROTOCOL_ERROR"))
def _(client):
    padded = frame(HEADERS, PADDED | END_STREAM | END_HEADERS, 1, b"\xff" + block(pseudo()))
    return client.begin().send(padded).outcome()


@case("9113 6.2", "HEADERS with padding and a priority", "answer 200")
def _(client):
    payload = b"\x04" + struct.pack(">IB", 0, 15) + block(pseudo()) + bytes(4)
    flags = PADDED | HAS_PRIORITY | END_STREAM | END_HEADERS
    return client.begin().send(frame(HEADERS, flags, 1, payload)).outcome()


@case("9113 6.3", "PRIORITY on stream 0", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(frame(PRIORITY, 0, 0, bytes(5))).outcome()


@case("9113 6.3", "PRIORITY of another length than 5", stream_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(post(1), frame(PRIORITY, 0, 1, bytes(4))).outcome()


@case("9113 6.4", "RST_STREAM on stream 0", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(reset(0)).outcome()


@case("9113 6.4", "RST_STREAM of another length than 4", connection_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(post(1), frame(RST_STREAM, 0, 1, bytes(3))).outcome()


@case("9113 6.5", "SETTINGS are acknowledged", "True")
def _(client):
    client.begin()
    return any(kind == SETTINGS and flags & ACK for kind, flags, _, _ in client.frames(PATIENCE))


@case("9113 6.5", "SETTINGS on a stream", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(frame(SETTINGS, 0, 1)).outcome()


@case("9113 6.5", "an acknowledgement with a payload", connection_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(frame(SETTINGS, ACK, 0, setting(3, 1))).outcome()


@case("9113 6.5", "SETTINGS of no multiple of 6", connection_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(frame(SETTINGS, 0, 0, bytes(5))).outcome()


for title, name, value, error in [
    ("ENABLE_PUSH of 2", 2, 2, "PROTOCOL_ERROR"),
    ("an initial window over 2^31-1", 4, 2**31, "FLOW_CONTROL_ERROR"),
    ("a frame size below 16384", 5, 16383, "PROTOCOL_ERROR"),
    ("a frame size over 2^24-1", 5, 2**24, "PROTOCOL_ERROR"),
]:

    @case("9113 6.5.2", title, connection_error(error))
    def _(client, name=name, value=value):
        return client.begin(setting(name, value)).send(request(1)).outcome()


@case("9113 6.5.2", "unknown settings are ignored", "answer 200")
def _(client):
    return client.begin(setting(0xBEEF, 7)).send(request(1)).outcome()


@case("9113 6.5.3", "of a setting that is there twice the last counts", r"\[1\]")
def _(client):
    client.begin(setting(4, 100) + setting(4, 1)).send(request(1))
    return data_sizes(client, 1)


def data_sizes(client, wanted):
    """The sizes of the DATA frames that come: so many are waited for, and further ones are listened for."""
    sizes = []
    try:
        while found := client.frame(PATIENCE if len(sizes) < wanted else SILENCE):
            if found[0] == DATA:
                sizes.append(len(found[3]))
    except TimeoutError:
        pass
    return sizes


@case("9113 6.6", "PUSH_PROMISE from a client", connection_error("PROTOCOL_ERROR"))
def _(client):
    payload = (2).to_bytes(4) + block(pseudo())
    return client.begin().send(post(1), frame(PUSH_PROMISE, END_HEADERS, 1, payload)).outcome()


@case("9113 6.7", "a PING is answered with what it carries", "b'question'")
def _(client):
    client.begin().send(frame(PING, 0, 0, b"question"))
    return next(payload for kind, flags, _, payload in client.frames() if kind == PING and flags & ACK)


@case("9113 6.7", "the answer to a PING that nobody sent is ignored", "alive")
def _(client):
    return client.begin().send(frame(PING, ACK, 0, b"no such!")).verdict()


@case("9113 6.7", "PING on a stream", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(frame(PING, 0, 1, bytes(8))).outcome()


@case("9113 6.7", "PING of another length than 8", connection_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(frame(PING, 0, 0, bytes(7))).outcome()


@case("9113 6.8", "GOAWAY on a stream", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(frame(GOAWAY, 0, 1, bytes(8))).outcome()


@case("9113 6.8", "what was asked before the client's GOAWAY is answered", "answer 200")
def _(client):
    client.begin().send(request(1, path="/sleep"), frame(GOAWAY, 0, 0, bytes(8)))
    return client.outcome()


@case("9113 6.9", "WINDOW_UPDATE of 0 on a stream", stream_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(post(1), window_update(1, 0)).outcome()


@case("9113 6.9", "WINDOW_UPDATE of 0 on the connection", connection_error("PROTOCOL_ERROR"))
def _(client):
    return client.begin().send(window_update(0, 0)).outcome()


@case("9113 6.9", "WINDOW_UPDATE of another length than 4", connection_error("FRAME_SIZE_ERROR"))
def _(client):
    return client.begin().send(frame(WINDOW_UPDATE, 0, 0, bytes(3))).outcome()


@case("9113 6.9.1", "the window of a stream over 2^31-1", stream_error("FLOW_CONTROL_ERROR"))
def _(client):
    return client.begin().send(post(1), window_update(1, 2**31 - 1)).outcome()


@case("9113 6.9.1", "the window of the connection over 2^31-1", connection_error("FLOW_CONTROL_ERROR"))
def _(client):
    return client.begin().send(window_update(0, 2**31 - 1)).outcome()


@case("9113 6.9.1", "DATA over the window of the stream", stream_error("FLOW_CONTROL_ERROR"))
def _(client):
    client.begin().send(post(1, path="/unread"))
    return client.send(*(data(1, bytes(16384), end=False) for _ in range(17))).outcome()


@case("9113 6.9.1", "no more is sent than the window has room for", r"\[1\], then \[2\]")
def _(client):
    client.begin(setting(4, 1)).send(request(1))
    first = data_sizes(client, 1)
    client.send(window_update(1, 2))
    return f"{first}, then {data_sizes(client, 1)}"


@case("9113 6.9.1", "empty DATA needs no window", "answer 200")
def _(client):
    return client.begin(setting(4, 0)).send(post(1), data(1)).outcome()


@case("9113 6.9.2", "a larger initial window sets waiting answers free", "b'Hello, World!'")
def _(client):
    client.begin(setting(4, 0)).send(request(1))
    data_sizes(client, 0)
    return client.send(frame(SETTINGS, 0, 0, setting(4, 100))).outcome().body


@case("9113 6.9.2", "a window that became negative has to be made up for", r"\[3\], then \[\], then \[1\]")
def _(client):
    client.begin(setting(4, 3)).send(request(1))
    first = data_sizes(client, 1)
    client.send(frame(SETTINGS, 0, 0, setting(4, 1)), window_update(1, 2))
    second = data_sizes(client, 0)
    client.send(window_update(1, 1))
    return f"{first}, then {second}, then {data_sizes(client, 1)}"


@case(
    "9113 6.9.2",
    "an initial window that takes a stream's over 2^31-1",
    connection_error("FLOW_CONTROL_ERROR"),
)
def _(client):
    client.begin(setting(4, 65535)).send(post(1), window_update(1, 2**31 - 1 - 65535))
    return client.send(frame(SETTINGS, 0, 0, setting(4, 65536))).outcome()


def parts(stream, fields, count):
    whole = block(fields)
    size = -(-len(whole) // count)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    first = frame(HEADERS, END_STREAM, stream, pieces[0])
    middle = [frame(CONTINUATION, 0, stream, piece) for piece in pieces[1:-1]]
    return [first, *middle, frame(CONTINUATION, END_HEADERS, stream, pieces[-1])]


@case("9113 6.10", "a header block in four pieces", "answer 200")
def _(client):
    return client.begin().send(*parts(1, pseudo(), 4)).outcome()


@case("9113 6.10", "CONTINUATION after END_HEADERS", connection_error("PROTOCOL_ERROR"))
def _(client):
    more = frame(CONTINUATION, END_HEADERS, 1, literal("x", "y"))
    return client.begin().send(request(1, path="/sleep?milliseconds=3000"), more).outcome()


@case("9113 6.10", "CONTINUATION of another stream", connection_error("PROTOCOL_ERROR"))
def _(client):
    more = frame(CONTINUATION, END_HEADERS, 3, block(pseudo()))
    return client.begin().send(frame(HEADERS, END_STREAM, 1), more).outcome()


@case("9113 6.10", "CONTINUATION on stream 0", connection_error("PROTOCOL_ERROR"))
def _(client):
    more = frame(CONTINUATION, END_HEADERS, 0, block(pseudo()))
    return client.begin().send(frame(HEADERS, END_STREAM, 1), more).outcome()


@case("9113 10.5", "CONTINUATION without end", connection_error("ENHANCE_YOUR_CALM", "PROTOCOL_ERROR"))
def _(client):
    client.begin().send(frame(HEADERS, END_STREAM, 1, block(pseudo())))
    return client.send(*(frame(CONTINUATION, 0, 1, literal("x", "y")) for _ in range(1000))).outcome()


# Section 8: HTTP semantics in HTTP/2


@case("9113 8.1", "trailers without END_STREAM", *MALFORMED)
def _(client):
    trailers = headers(1, [("x-trailer", "y")], END_HEADERS)
    return client.begin().send(post(1), data(1, b"x", end=False), trailers).outcome()


@case("9113 8.1", "trailers end a request", "b'x'")
def _(client):
    client.begin().send(post(1), data(1, b"x", end=False), headers(1, [("x-trailer", "y")]))
    return client.outcome().body


@case("9113 8.1", "trailers do not become fields", "b'1 -'")
def _(client):
    client.begin().send(post(1, path="/trailers"), data(1, b"x", end=False), headers(1, [("x-trailer", "y")]))
    return client.outcome().body


for title, trailers in [
    ("of the static table", b"\x84"),
    ("as a literal", literal(":path", "/")),
    ("that nobody knows", literal(":unknown", "x")),
    ("after another field", literal("x", "y") + literal(":path", "/")),
    ("in Huffman's code", b"\x00\x84\xb9\x58\xd3\x3f" + text("/")),
]:

    @case("9113 8.1", f"trailers with a pseudo-header field {title}", *MALFORMED)
    def _(client, trailers=trailers):
        return client.begin().send(post(1), data(1, b"x", end=False), headers(1, trailers)).outcome()


@case("9113 8.1", "trailers with a pseudo-header field of the dynamic table", *MALFORMED)
def _(client):
    first = b"\x44" + text("/echo") + block([(":method", "POST"), (":scheme", "http"), (":authority", "a")])
    client.begin().send(headers(1, first, END_HEADERS), data(1, b"x", end=False))
    return client.send(headers(1, b"\xbe")).outcome()


@case("9113 8.1.1", "a body longer than Content-Length", *MALFORMED)
def _(client):
    return client.begin().send(post(1, ("content-length", "1")), data(1, b"xy")).outcome()


@case("9113 8.1.1", "a body shorter than Content-Length", *MALFORMED)
def _(client):
    return client.begin().send(post(1, ("content-length", "3")), data(1, b"xy")).outcome()


@case("9113 8.1.1", "no body where Content-Length announces one", *MALFORMED)
def _(client):
    fields = [*pseudo(method="POST", path="/echo"), ("content-length", "3")]
    return client.begin().send(headers(1, fields)).outcome()


@case("9113 8.1.1", "trailers before the end of Content-Length", *MALFORMED)
def _(client):
    client.begin().send(post(1, ("content-length", "3")), data(1, b"x", end=False))
    return client.send(headers(1, [("x-trailer", "y")])).outcome()


@case("9110 8.6", "two different lengths", *MALFORMED)
def _(client):
    return (
        client.begin()
        .send(post(1, ("content-length", "2"), ("content-length", "3")), data(1, b"xy"))
        .outcome()
    )


@case("9110 8.6", "a length that is no number", *MALFORMED)
def _(client):
    return client.begin().send(post(1, ("content-length", "+2")), data(1, b"xy")).outcome()


for title, name, value in [
    ("a name in capitals", "X-Upper", "y"),
    ("a name with a space", "x y", "z"),
    ("a name with a colon", "x:y", "z"),
    ("an empty name", "", "z"),
    ("a name with a control character", "x\x01", "z"),
    ("a name beyond ASCII", "x\xe4", "z"),
    ("a value with NUL", "x", "a\0b"),
    ("a value with LF", "x", "a\nb"),
    ("a value with CR", "x", "a\rb"),
    ("a value that begins with a space", "x", " a"),
    ("a value that ends with a tab", "x", "a\t"),
]:

    @case("9113 8.2.1", title, *MALFORMED)
    def _(client, name=name, value=value):
        return client.begin().send(request(1, (name, value))).outcome()


for name, value in [
    ("connection", "close"),
    ("proxy-connection", "keep-alive"),
    ("keep-alive", "timeout=5"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "websocket"),
    ("te", "gzip"),
    ("te", "trailers, gzip"),
]:

    @case("9113 8.2.2", f"{name}: {value}", *MALFORMED)
    def _(client, name=name, value=value):
        return client.begin().send(request(1, (name, value))).outcome()


@case("9113 8.2.2", "te: trailers", "answer 200")
def _(client):
    return client.begin().send(request(1, ("te", "trailers"))).outcome()


@case("9113 8.2.2", "no field of an answer is about the connection", "none of them")
def _(client):
    client.begin().send(request(1, path="/fields"))
    answer = client.outcome()
    # h2 writes names in Huffman's code or as an index: of the static table 57 is transfer-encoding; the others have
    # no entry, and these are their codes' first bytes
    coded = {"connection": "21ea49af", "keep-alive": "7472", "upgrade": "b6b9ac1c", "x-private": "f2b5d8"}
    found = [name for name, code in coded.items() if bytes.fromhex(code) in answer.block]
    return found or "none of them"


@case("9113 8.2.3", "the crumbs of a cookie are joined", "b'a=1; b=2; c=3'")
def _(client):
    crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]
    return client.begin().send(request(1, *crumbs, path="/cookies")).outcome().body


@case("9113 8.3", "a pseudo-header field after a field", *MALFORMED)
def _(client):
    fields = [(":method", "GET"), (":scheme", "http"), ("x", "y"), (":path", "/"), (":authority", "a")]
    return client.begin().send(headers(1, fields)).outcome()


@case("9113 8.3", "an unknown pseudo-header field", *MALFORMED)
def _(client):
    return client.begin().send(headers(1, [*pseudo(), (":unknown", "x")])).outcome()


@case("9113 8.3", "the pseudo-header field of answers", *MALFORMED)
def _(client):
    return client.begin().send(headers(1, [*pseudo(), (":status", "200")])).outcome()


for name, value in pseudo():

    @case("9113 8.3", f"{name} twice", *MALFORMED)
    def _(client, name=name, value=value):
        return client.begin().send(headers(1, [*pseudo(), (name, value)])).outcome()


for title, fields in [
    ("no :method", pseudo(method=None)),
    ("no :scheme", pseudo(scheme=None)),
    ("no :path", pseudo(path=None)),
    ("an empty :path", pseudo(path="")),
    ("a :path without a slash", pseudo(path="x")),
    ("a :path of * for another method than OPTIONS", pseudo(path="*")),
    ("a :path with a space", pseudo(path="/a b")),
    ("a :method that is no token", pseudo(method="G T")),
    ("neither :authority nor Host", pseudo(authority=None)),
    ("an empty :authority", pseudo(authority="")),
    ("user information in :authority", pseudo(authority="me@localhost")),
    ("an :authority with a path", pseudo(authority="localhost/x")),
    ("a malformed :authority", pseudo(authority="a,b")),
    ("a malformed Host alone", [*pseudo(authority=None), ("host", "x/../y")]),
    ("an empty Host alone", [*pseudo(authority=None), ("host", "")]),
    ("another Host than :authority", [*pseudo(), ("host", "elsewhere")]),
    ("two Hosts", [*pseudo(authority=None), ("host", "a"), ("host", "a")]),
]:

    @case("9113 8.3.1", title, *MALFORMED)
    def _(client, fields=fields):
        return client.begin().send(headers(1, fields)).outcome()


@case("9113 8.3.1", "a :path with a fragment", *MALFORMED, known="h2 drops the fragment before it is seen")
def _(client):
    return client.begin().send(request(1, path="/#b")).outcome()


@case("9113 8.3.1", ":authority is the host", "b'GET /target.a=b localhost:81 localhost:81'")
def _(client):
    return client.begin().send(request(1, path="/target?a=b", authority="localhost:81")).outcome().body


@case("9113 8.3.1", "Host alone is the host", "b'GET /target. localhost localhost'")
def _(client):
    return (
        client.begin().send(request(1, ("host", "localhost"), path="/target", authority=None)).outcome().body
    )


@case("9113 8.3.1", "the same Host beside :authority", "answer 200")
def _(client):
    return client.begin().send(request(1, ("host", "localhost"))).outcome()


@case("9110 9.3.7", "OPTIONS *", "answer 20[04]")
def _(client):
    return client.begin().send(request(1, method="OPTIONS", path="*")).outcome()


@case("9110 9.3.2", "the answer to HEAD has no content", "answer 200, b''")
def _(client):
    answer = client.begin().send(request(1, method="HEAD")).outcome()
    return f"{answer}, {answer.body}"


for code in [204, 304]:

    @case("9110 6.4.1", f"an answer of {code} has no content", f"answer {code}, b''")
    def _(client, code=code):
        answer = client.begin().send(request(1, path=f"/status/{code}")).outcome()
        return f"{answer}, {answer.body}"


@case("9110 10.1.1", "a client that waits to send its body is told to", "answer 100 200")
def _(client):
    client.begin().send(post(1, ("expect", "100-continue"), ("content-length", "2")))
    told = next(payload for kind, _, _, payload in client.frames() if kind == HEADERS)
    outcome = client.send(data(1, b"xy")).outcome()
    outcome.statuses.insert(0, status(told))
    return outcome


@case("9110 10.1.1", "it is not told where nobody wants the body", "answer 200")
def _(client):
    client.begin().send(post(1, ("expect", "100-continue"), ("content-length", "2"), path="/ignore"))
    return client.outcome()


@case("9110 15.5.14", "a body over the limit", "answer 413")
def _(client):
    return client.begin().send(post(1, ("content-length", "3000000"))).outcome()


@case("9110 15.5.15", "a target over the limit", "answer 414")
def _(client):
    return client.begin().send(request(1, path="/" + "x" * 9000)).outcome()


@case("9110 5.4", "too many fields", "answer 431")
def _(client):
    return client.begin().send(request(1, *((f"x{n}", "y") for n in range(101)))).outcome()


@case(
    "9113 10.5.1", "a header list over what is announced", "answer 431", connection_error("ENHANCE_YOUR_CALM")
)
def _(client):
    # one byte for each of these after the first: 16 KB on the wire are 60 MB of fields
    first = block(pseudo()) + literal("x", "y" * 4000, 0x40)
    return client.begin().send(headers(1, first + b"\xbe" * 12000)).outcome()


@case("9113 8.5", "CONNECT is not implemented", "answer 501")
def _(client):
    fields = [(":method", "CONNECT"), (":authority", "localhost:1")]
    return client.begin().send(headers(1, fields, END_HEADERS)).outcome()


@case("9113 8.5", "CONNECT with :scheme and :path", *MALFORMED)
def _(client):
    return client.begin().send(headers(1, pseudo(method="CONNECT"), END_HEADERS)).outcome()


@case("9113 8.5", "CONNECT without :authority", *MALFORMED)
def _(client):
    return client.begin().send(headers(1, [(":method", "CONNECT")], END_HEADERS)).outcome()


@case("9113 8.7", "an answer before the end of the request asks to stop without an error", "NO_ERROR")
def _(client):
    client.begin().send(post(1, path="/ignore"))
    resets = (payload for kind, _, _, payload in client.frames() if kind == RST_STREAM)
    return next((ERRORS[int.from_bytes(code)] for code in resets), "no RST_STREAM")


@case("9113 5.4.2", "an error of one stream is none of the others", "alive")
def _(client):
    client.begin().send(request(1, ("connection", "close"))).outcome()
    return client.verdict()


# RFC 7541: HPACK

for section, title, encoded in [
    ("2.3.3", "an index beyond the tables", b"\xff\x80\x01"),
    ("6.1", "index 0", b"\x80"),
    ("5.1", "an integer without end", b"\xff" + b"\x80" * 20),
    ("5.2", "a string longer than the block", b"\x00\x7fx"),
    ("6.3", "a table larger than announced", b"\x3f\xe2\x1f"),
    ("4.2", "a change of the table's size after a field", block(pseudo()) + b"\x20"),
]:

    @case(f"7541 {section}", title, connection_error("COMPRESSION_ERROR"))
    def _(client, encoded=encoded):
        return client.begin().send(headers(1, encoded)).outcome()


# Strings are decoded by h2 alone, which ends the connection with another code.
for title, string in [
    ("padding of more than 7 bits", b"\x82\x07\xff"),
    ("padding that is not all ones", b"\x81\xf0"),
    ("the end-of-string symbol in a string", b"\x84\xff\xff\xff\xff"),
]:

    @case(
        "7541 5.2",
        title,
        connection_error("COMPRESSION_ERROR"),
        known="h2 says PROTOCOL_ERROR and ends as well",
    )
    def _(client, string=string):
        return client.begin().send(headers(1, b"\x00" + string + text("y"))).outcome()


@case("7541 2.3.2", "fields of an earlier request by index", "b'Hello, World!'")
def _(client):
    kept = b"".join(literal(name, value, 0x40) for name, value in pseudo())
    client.begin().send(headers(1, kept)).outcome()
    return client.send(headers(3, b"\xc1\xc0\xbf\xbe")).outcome(3).body


@case("7541 6.3", "a table without room", "answer 200")
def _(client):
    return client.begin().send(headers(1, b"\x20" + block(pseudo()))).outcome()


# RFC 8441: bootstrapping WebSockets


def extended(protocol="websocket", path="/", scheme="http", authority="localhost", version="13"):
    fields = pseudo("CONNECT", path, authority, scheme)
    return headers(1, [*fields, (":protocol", protocol), ("sec-websocket-version", version)], END_HEADERS)


def masked(first, payload):
    """A short frame of a WebSocket client; a mask of zeros leaves the payload as it is."""
    return bytes([first, 0x80 | len(payload)]) + bytes(4) + payload


@case("8441 3", "SETTINGS_ENABLE_CONNECT_PROTOCOL is announced", "1")
def _(client):
    _, _, _, payload = client.begin().frame()
    return dict(struct.iter_unpack(">HI", payload)).get(8)


@case("8441 4", ":protocol without CONNECT", *MALFORMED)
def _(client):
    return client.begin().send(headers(1, [*pseudo(), (":protocol", "websocket")])).outcome()


@case("8441 4", "an extended CONNECT without :path", *MALFORMED)
def _(client):
    return client.begin().send(extended(path=None)).outcome()


@case("8441 4", "an extended CONNECT without :scheme", *MALFORMED)
def _(client):
    return client.begin().send(extended(scheme=None)).outcome()


@case("8441 4", "a protocol that nobody knows", "answer 501")
def _(client):
    return client.begin().send(extended("telnet")).outcome()


@case("8441 5", "a WebSocket opens with 200, echoes and ends", re.escape("200 8104echo880203e8 END_STREAM"))
def _(client):
    client.begin().send(extended(path="/websocket/echo"))
    client.send(frame(DATA, 0, 1, masked(0x81, b"echo")), frame(DATA, 0, 1, masked(0x88, b"\x03\xe8")))
    opened, received = "nothing", b""
    for kind, flags, stream, payload in client.frames():
        if stream == 1 and kind == HEADERS:
            opened = status(payload)
        elif stream == 1 and kind == DATA:
            received += payload
        if stream == 1 and kind in (HEADERS, DATA) and flags & END_STREAM:
            break
    else:
        return CLOSED
    return f"{opened} {received.hex()} END_STREAM".replace(b"echo".hex(), "echo")


@case("8441 5", "a WebSocket of another version", "answer 426")
def _(client):
    return client.begin().send(extended(path="/websocket/echo", version="8")).outcome()


@case("8441 5", "a WebSocket where there is no endpoint", "answer 404")
def _(client):
    return client.begin().send(extended(path="/json")).outcome()


@case("8441 5", "a refused WebSocket leaves the connection to others", "alive")
def _(client):
    client.begin().send(extended(path="/websocket/echo?refuse=403")).outcome()
    return client.verdict()


@case("8441 5.1", "a reset WebSocket leaves the connection to others", "alive")
def _(client):
    client.begin().send(extended(path="/websocket/echo"), frame(RST_STREAM, 0, 1, struct.pack(">I", 8)))
    return client.verdict()


if __name__ == "__main__":
    main()
