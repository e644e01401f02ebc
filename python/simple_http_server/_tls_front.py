"""TLS by an ``ssl.SSLContext``, in front of the engine, which has a TLS of its own and can't be given one of Python's.

A thread has an event loop that accepts, decrypts, and hands the plain bytes to the engine through a Unix-domain socket
in a folder that only this user may enter. A header of the PROXY protocol before them says who the client is.
"""

import contextlib
import ipaddress
import os
import shutil
import socket
import struct
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Dict, Optional, Set, Tuple

from .logger import get_logger

if TYPE_CHECKING:
    import asyncio
    from ssl import SSLContext

_logger = get_logger("simple_http_server.server")

HANDSHAKE_TIMEOUT = 10.0
"""Seconds that a client has for the TLS handshake; those of the engine's own."""

_PIECE = 64 * 1024
_BACKLOG = 4096
_LINGER = 1.0
"""Seconds for which what a client sends is read after the last answer."""
_LAST_WORDS = 1.0
"""Seconds in which what the engine has answered is to have reached the clients, at the end."""


class TlsFront:
    """Listens on a port, from when it is made, and speaks TLS there from when it is started.

    :param host: the address; all of them where it is empty.
    :param port: the port; 0 for any that is free.
    :param context: the settings of TLS.
    """

    def __init__(self, host: str, port: int, context: "SSLContext") -> None:
        self._context = context
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._folder = tempfile.mkdtemp(prefix="simple_http_server-")
        self._path = os.path.join(self._folder, "engine")
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._thread: Optional[threading.Thread] = None
        self._server: Optional[asyncio.AbstractServer] = None
        self._conversations: Set[asyncio.Task[None]] = set()
        self._is_listening = True

    @property
    def options(self) -> Dict[str, Any]:
        """The settings of the engine's server behind this."""
        return {"unix_socket": self._path, "proxy_protocol": True}

    def start(self) -> None:
        """Takes connections, in a thread of its own. The engine listens already."""
        import asyncio

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
            self._loop.call_soon_threadsafe(self._close_server)

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
            loop.run_until_complete(self._listen())
            loop.run_forever()
        finally:
            loop.close()

    async def _listen(self) -> None:
        import asyncio

        self._server = await asyncio.start_server(
            self._converse,
            sock=self._socket,
            backlog=_BACKLOG,
            ssl=self._context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
        )
        if not self._is_listening:
            self._close_server()

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _finish(self) -> None:
        import asyncio

        if self._conversations:
            _, unfinished = await asyncio.wait(self._conversations, timeout=_LAST_WORDS)
            for conversation in unfinished:
                conversation.cancel()
            if unfinished:
                await asyncio.wait(unfinished, timeout=_LAST_WORDS / 2)
        asyncio.get_running_loop().stop()

    async def _converse(self, reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter") -> None:
        import asyncio

        task = asyncio.current_task()
        if task is not None:
            self._conversations.add(task)
            task.add_done_callback(self._conversations.discard)
        try:
            header = _introduction(writer.get_extra_info("peername"), writer.get_extra_info("sockname"))
            inner_reader, inner_writer = await asyncio.open_unix_connection(self._path)
            inner_writer.write(header)
            try:
                await self._pass_on(reader, writer, inner_reader, inner_writer)
            finally:
                inner_writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError) as error:
            _logger.debug("A connection has ended early: %s", error)
        finally:
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


def _introduction(client: Tuple[Any, ...], server: Tuple[Any, ...]) -> bytes:
    """The header of the PROXY protocol, version 2: two addresses, and that the client speaks TLS (section 2.2.6)."""
    addresses = [_unmapped(client[0]), _unmapped(server[0])]
    is_new = any(address.version == 6 for address in addresses)
    packed = b"".join(_as_version_6(address).packed if is_new else address.packed for address in addresses)
    speaks_tls = struct.pack("!BHBI", 0x20, 5, 0x01, 0)
    rest = packed + struct.pack("!HH", client[1], server[1]) + speaks_tls
    family = 0x21 if is_new else 0x11
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, family, len(rest)) + rest


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
