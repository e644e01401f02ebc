"""A client that writes frames by hand."""

import os
import socket
import struct
import time

PATIENCE = 60
"""Seconds after which a test has failed that waits for something."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def wait_until(condition):
    """Waits for what has to come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.005)


class Raw:
    """A client that writes what it is told, frame by frame."""

    def __init__(self, port, path, *lines, key="dGhlIHNhbXBsZSBub25jZQ==", version="13"):
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._unread = b""
        fields = [
            f"GET {path} HTTP/1.1",
            "Host: example.org",
            "Upgrade: websocket",
            "Connection: Upgrade",
            *([f"Sec-WebSocket-Key: {key}"] if key else []),
            *([f"Sec-WebSocket-Version: {version}"] if version else []),
            *lines,
        ]
        self.send_bytes("\r\n".join([*fields, "", ""]).encode())
        head = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.status_line = head[0]
        self.fields = dict(line.split(": ", 1) for line in head[1:] if line)

    @property
    def status(self):
        return int(self.status_line.split(" ")[1])

    def _read(self, size):
        while len(self._unread) < size:
            received = self._socket.recv(65536)
            if not received:
                raise EOFError(self._unread)
            self._unread += received
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _read_until(self, end):
        while end not in self._unread:
            received = self._socket.recv(65536)
            assert received, self._unread
            self._unread += received
        taken, _, self._unread = self._unread.partition(end)
        return taken

    def send_bytes(self, data):
        self._socket.sendall(data)

    def send(self, opcode, payload=b"", fin=True):
        self.send_bytes(frame(opcode, payload, fin))

    def receive(self):
        """The next frame: whether it is the last of its message, its opcode, its payload."""
        first, second = self._read(2)
        length = second & 0x7F
        assert not second & 0x80, "a server does not mask"
        if length == 126:
            (length,) = struct.unpack("!H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._read(8))
        return bool(first & 0x80), first & 0x0F, self._read(length)

    def has_ended(self):
        """Waits for the end of the stream, which has to come next."""
        try:
            return self._read(1) == b""
        except (EOFError, ConnectionError):
            return True

    def close(self):
        self._socket.close()

    def reset(self):
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def frame(opcode, payload=b"", fin=True, mask=None):
    """The bytes of a frame as a client sends it."""
    key = os.urandom(4) if mask is None else mask
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", len(payload))
    masked = bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))
    return head + key + masked


def close_payload(code, reason=""):
    return struct.pack("!H", code) + reason.encode()
