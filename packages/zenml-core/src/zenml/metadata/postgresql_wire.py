"""The byte stream to a PostgreSQL server: TCP or a Unix socket, encrypted or plain; and how it breaks."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from ssl import SSLSocket
from typing import Any

import pg8000

from zenml.metadata.server import ServerMetadataStore
from zenml.metadata.server_database import SILENT_SECONDS
from zenml.metadata.tls import is_refusal, tls_context

_ASK_FOR_TLS = struct.pack("!ii", 8, 80877103)
_BLOCK = 65536
_size = struct.Struct("!i").unpack_from


class ConnectionLost(pg8000.InterfaceError):  # type: ignore[misc]  # the driver has no types
    """The server or the network between is gone, or never answered."""


class HandshakeFailed(pg8000.InterfaceError):  # type: ignore[misc]  # the driver has no types
    """The server is there, but one side does not accept how the other encrypts or proves who it is."""


class Wire:
    """A connected socket, as the driver uses one; what is written goes out by `flush`.

    Args:
        connected: the socket.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._unsent = bytearray()
        self._unread = b""
        self._at = 0
        self.closed = False

    @property
    def tls(self) -> SSLSocket | None:
        """The socket, where it is encrypted."""
        return self._socket if isinstance(self._socket, SSLSocket) else None

    def makefile(self, mode: str) -> Wire:
        """Return this object, which has a file's methods already."""
        return self

    def write(self, data: bytes | bytearray) -> None:
        """Keep bytes to be sent."""
        self._unsent += data

    def flush(self) -> None:
        """Send what was written."""
        data, self._unsent = self._unsent, bytearray()
        self._do(self._socket.sendall, data)

    def read(self, size: int) -> bytes:
        """Wait for so many bytes, and return them."""
        end = self._at + size
        if end > len(self._unread):
            self._receive(size)
            end = size
        found = self._unread[self._at : end]
        self._at = end
        return found

    def message(self) -> tuple[bytes, bytes]:
        """Wait for a message, and return its code and content."""
        at = self._at
        if at + 5 > len(self._unread):
            self._receive(5)
            at = 0
        end = at + 1 + _size(self._unread, at + 1)[0]
        if end > len(self._unread):
            self._receive(end - at)
            at, end = 0, end - at
        self._at = end
        return self._unread[at : at + 1], self._unread[at + 5 : end]

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        with suppress(OSError):
            self._socket.close()

    def wait_at_most(self, seconds: float) -> None:
        """Count the server as lost when it says nothing for so long."""
        self._socket.settimeout(seconds)

    def _receive(self, size: int) -> None:
        blocks, found = [self._unread[self._at :]], len(self._unread) - self._at
        while found < size:
            block = self._do(self._socket.recv, _BLOCK)
            if not block:
                raise ConnectionLost("the server closed the connection")
            blocks.append(block)
            found += len(block)
        self._unread, self._at = b"".join(blocks), 0

    def _do(self, act: Callable[[Any], Any], argument: Any) -> Any:
        if self.closed:
            raise ConnectionLost("the connection is closed")
        try:
            return act(argument)
        except OSError as error:
            raise _broken(error) from error


def open_wire(store: ServerMetadataStore, port: int) -> Wire:
    """Connect to a store's server, encrypted as its `ssl` says; through a Unix socket nothing is encrypted.

    Raises:
        ConnectionLost: the server cannot be reached.
        HandshakeFailed: no connection can be made that is encrypted as demanded.
        ConfigError: a certificate or key cannot be read.
    """
    local = store.host.startswith("/")
    context = None if local or store.ssl == "disable" else tls_context(store)
    connected = None
    try:
        connected = _to_socket(store, port) if local else _to_host(store, port)
        if context is not None:
            connected.sendall(_ASK_FOR_TLS)
            answer = connected.recv(1)
            if answer == b"S":
                connected = context.wrap_socket(connected, server_hostname=store.host)
            elif answer != b"N":
                raise ConnectionLost("the server closed the connection")
            elif store.ssl != "prefer":
                raise HandshakeFailed("the server does not encrypt: TLS is off there")
        return Wire(connected)
    except BaseException as error:
        if connected is not None:
            connected.close()
        if isinstance(error, OSError):
            raise _broken(error) from error
        raise


def _to_host(store: ServerMetadataStore, port: int) -> socket.socket:
    connected = socket.create_connection((store.host, port), store.connect_timeout)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # so that nothing between forgets a connection that rests in the pool
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENT_SECONDS)
    return connected


def _to_socket(store: ServerMetadataStore, port: int) -> socket.socket:
    path = Path(store.host)
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(store.connect_timeout)
        connected.connect(str(path / f".s.PGSQL.{port}" if path.is_dir() else path))
    except OSError:
        connected.close()
        raise
    return connected


def _broken(error: OSError) -> pg8000.InterfaceError:
    return (HandshakeFailed if is_refusal(error) else ConnectionLost)(str(error))
