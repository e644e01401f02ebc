"""TLS by an ``ssl.SSLContext``, in front of the engine, which has a TLS of its own and can't be given one of Python's.

A thread has an event loop that accepts, decrypts, and hands the plain bytes to the engine through a Unix-domain socket
in a folder that only this user may enter. A header of the PROXY protocol before them says who the client is.
"""

import contextlib
import ipaddress
import math
import os
import shutil
import socket
import struct
import tempfile
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Set, Tuple, cast

from .logger import get_logger

if TYPE_CHECKING:
    import asyncio
    from ssl import SSLContext

_logger = get_logger("simple_http_server.server")

CONNECTIONS = 25_000
"""How many connections there may be at the same time, unless a limit says it; the engine's own default."""

HANDSHAKE_TIMEOUT = 10.0
"""Seconds that a client has for the TLS handshake, unless a limit says it; the engine's own default."""

_PIECE = 64 * 1024
_BACKLOG = 4096
_REST = 0.1
"""Seconds until connections are taken again where the system has no descriptor left for one."""
_LINGER = 1.0
"""Seconds for which what a client sends is read after the last answer."""
_CLOSING = 30.0
"""Seconds in which a connection is closed."""
_LAST_WORDS = 1.0
"""Seconds in which what the engine has answered is to have reached the clients, at the end."""


class TlsFront:
    """Listens on a port, from when it is made, and speaks TLS there from when it is started.

    :param host: the address; all of them where it is empty.
    :param port: the port; 0 for any that is free.
    :param context: the settings of TLS.
    :param limits: those of the engine. Here hold ``connections``, beyond which clients wait in the backlog of the
        system, ``connections_per_address`` and ``tls_handshake_timeout``.
    """

    def __init__(self, host: str, port: int, context: "SSLContext", limits: Mapping[str, Any]) -> None:
        self._context = context
        self._most = max(limits.get("connections", CONNECTIONS), 1)
        self._most_of_one = limits.get("connections_per_address", 0) or math.inf
        self._handshake_timeout = limits.get("tls_handshake_timeout", HANDSHAKE_TIMEOUT) or math.inf
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._folder = tempfile.mkdtemp(prefix="simple_http_server-")
        self._path = os.path.join(self._folder, "engine")
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._thread: Optional[threading.Thread] = None
        self._accepting: Optional[asyncio.Task[None]] = None
        self._clients: Counter[str] = Counter()
        """How many connections each network has."""
        self._connections: Set[asyncio.Task[None]] = set()
        self._conversations: Set[asyncio.Task[None]] = set()
        """Those of them whose handshake is done, and whose last bytes are not on their way yet."""
        self._is_listening = True

    @property
    def options(self) -> Dict[str, Any]:
        """The settings of the engine's server behind this."""
        return {"unix_socket": self._path, "proxy_protocol": True}

    def start(self) -> None:
        """Takes connections, in a thread of its own, unless it has been stopped. The engine listens already."""
        import asyncio

        if not self._is_listening:
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="tls", daemon=True)
        self._thread.start()

    def stop_listening(self) -> None:
        """Takes no more connections; returns at once, and may be called from any thread."""
        self._is_listening = False
        if self._loop is None:
            self._socket.close()
            return
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self._end_accepting)

    def close(self) -> None:
        """Ends all connections, once the engine has."""
        self.stop_listening()
        if self._loop is not None and self._thread is not None:
            import asyncio

            with contextlib.suppress(RuntimeError):
                asyncio.run_coroutine_threadsafe(self._finish(), self._loop)
            self._thread.join(2 * _LAST_WORDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, loop: "asyncio.AbstractEventLoop") -> None:
        import asyncio

        asyncio.set_event_loop(loop)
        try:
            if self._is_listening:
                self._accepting = loop.create_task(self._accept())
            loop.run_forever()
        finally:
            loop.close()

    async def _accept(self) -> None:
        """Takes connections, as long as there may be more of them."""
        import asyncio

        loop = asyncio.get_running_loop()
        room = asyncio.Semaphore(self._most)
        self._socket.setblocking(False)
        while True:
            await room.acquire()
            try:
                client, address = await loop.sock_accept(self._socket)
            except OSError as error:
                room.release()
                _logger.warning("Connections cannot be accepted for now: %s", error)
                await asyncio.sleep(_REST)
                continue
            if not self._begin(client, _network(address[0]), room.release):
                client.close()
                room.release()
            # where many wait, this one would be the only task that runs
            await asyncio.sleep(0)

    def _begin(self, client: socket.socket, network: str, ended: Callable[[], object]) -> bool:
        """Serves a client, unless its network has as many connections as it may have."""
        import asyncio

        if self._clients[network] >= self._most_of_one:
            return False

        def end(connection: "asyncio.Task[None]") -> None:
            self._connections.discard(connection)
            self._clients[network] -= 1
            if not self._clients[network]:
                del self._clients[network]
            ended()

        self._clients[network] += 1
        connection = asyncio.get_running_loop().create_task(self._serve(client))
        self._connections.add(connection)
        connection.add_done_callback(end)
        return True

    def _end_accepting(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
        self._socket.close()

    async def _finish(self) -> None:
        import asyncio

        for connection in self._connections - self._conversations:
            connection.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations, timeout=_LAST_WORDS)
        unfinished = list(self._connections)
        for connection in unfinished:
            connection.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=_LAST_WORDS / 2)
        asyncio.get_running_loop().stop()

    async def _serve(self, client: socket.socket) -> None:
        """The life of a connection."""
        import asyncio

        loop = cast("asyncio.BaseEventLoop", asyncio.get_running_loop())
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, client, ssl=self._context, ssl_handshake_timeout=self._handshake_timeout
            )
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            await self._converse(reader, writer)
            await _closed(writer)
        except (OSError, asyncio.IncompleteReadError) as error:
            _logger.debug("A connection has ended early: %s", error)

    async def _converse(self, reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter") -> None:
        import asyncio

        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._conversations.add(task)
        try:
            header = _introduction(writer.get_extra_info("peername"), writer.get_extra_info("sockname"))
            inner_reader, inner_writer = await asyncio.open_unix_connection(self._path)
            inner_writer.write(header)
            try:
                await self._pass_on(reader, writer, inner_reader, inner_writer)
            finally:
                inner_writer.transport.abort()
        finally:
            self._conversations.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _pass_on(
        self,
        reader: "asyncio.StreamReader",
        writer: "asyncio.StreamWriter",
        inner_reader: "asyncio.StreamReader",
        inner_writer: "asyncio.StreamWriter",
    ) -> None:
        """Passes bytes on both ways until the engine ends, or somebody is gone."""
        import asyncio

        inwards = asyncio.ensure_future(_pump(reader, inner_writer))
        try:
            await _pump(inner_reader, writer)
            if self._is_listening:
                # what the client is still sending would have the system reset the connection, and destroy the answer
                await asyncio.wait({inwards}, timeout=_LINGER)
        finally:
            inwards.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await inwards


async def _closed(writer: "asyncio.StreamWriter") -> None:
    """Waits until a connection is closed, also by a client that takes nothing."""
    import asyncio

    try:
        await asyncio.wait_for(writer.wait_closed(), _CLOSING)
    except asyncio.TimeoutError:
        writer.transport.abort()


async def _pump(reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter") -> None:
    """Passes bytes on until there are no more, never more at once than the receiver takes."""
    while True:
        piece = await reader.read(_PIECE)
        if not piece:
            break
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def _introduction(client: Optional[Tuple[Any, ...]], server: Tuple[Any, ...]) -> bytes:
    """The header of the PROXY protocol, version 2: two addresses, and that the client speaks TLS (section 2.2.6)."""
    if client is None:
        raise ConnectionResetError("the client has gone before it was asked for its address")
    addresses = [_unmapped(client[0]), _unmapped(server[0])]
    is_new = any(address.version == 6 for address in addresses)
    packed = b"".join(_as_version_6(address).packed if is_new else address.packed for address in addresses)
    speaks_tls = struct.pack("!BHBI", 0x20, 5, 0x01, 0)
    rest = packed + struct.pack("!HH", client[1], server[1]) + speaks_tls
    family = 0x21 if is_new else 0x11
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, family, len(rest)) + rest


def _network(text: str) -> str:
    """What counts as one client: an address of version 4, or the first 64 bits of one of version 6."""
    address = _unmapped(text)
    return str(address) if address.version == 4 else address.packed[:8].hex()


def _unmapped(text: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address":
    """An address of version 4 also where a socket for both says it by one of version 6."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _as_version_6(address: "ipaddress.IPv4Address | ipaddress.IPv6Address") -> ipaddress.IPv6Address:
    if isinstance(address, ipaddress.IPv4Address):
        return ipaddress.IPv6Address(f"::ffff:{address}")
    return address


def _listen(host: str, port: int) -> socket.socket:
    """Binds as the engine does: to both kinds of addresses where the host is empty."""
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
        family, _, _, _, address = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"[{host}]" if ":" in host else host
        raise OSError(error.errno, f"cannot listen on {where}:{port}: {error.strerror or error}") from error
