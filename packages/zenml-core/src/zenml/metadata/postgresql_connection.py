"""PostgreSQLConnection: a connection of pg8000 that prepares its statements and sends batches in one go.

pg8000 reads each statement's text sign by sign and waits for the server three times, whenever it is run. What a
metadata store sends is the same few statements again and again: here each is prepared the first time, together with
being run, and from then on only its parameters are sent.
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple

import pg8000
from pg8000.converters import make_params, string_in
from pg8000.core import Context, CoreConnection
from scramp import ScramClient, ScramException

from zenml.metadata.postgresql_cursor import PostgreSQLCursor
from zenml.metadata.postgresql_wire import ConnectionLost, HandshakeFailed, Wire

_STATEMENTS = 128
"""How many statements stay prepared; those with a list in them are another one for each length of the list."""

_BATCH = 500
"""How many rows of parameters are sent before their answers are read: they fit what the network holds."""

_NEEDS_PASSWORD = frozenset({3, 5, 10})
_LENGTH = struct.Struct("!i")
_size = _LENGTH.unpack_from
_NONE = 0xFF  # begins the length of a value that is none: -1
_READY = b"Z"
_DESCRIBE_STATEMENT, _CLOSE_STATEMENT = b"S", b"S"
_EXECUTE = b"E" + _LENGTH.pack(9) + b"\0" + _LENGTH.pack(0)  # for all its rows
_SYNC = b"S" + _LENGTH.pack(4)


class ServerError(pg8000.DatabaseError):  # type: ignore[misc]  # the driver has no types
    """What the server says is wrong.

    Args:
        sqlstate: the error's code.
        message: what it says, with details.
    """

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class UniqueViolationError(ServerError):
    """A unique value is there already."""


class _Prepared(NamedTuple):
    """A statement that the server knows: its name there, and the result's columns and what reads their values."""

    name: bytes
    columns: Any
    readers: Any


class PostgreSQLConnection(CoreConnection):  # type: ignore[misc]  # the driver has no types
    """A connection that commits each statement, unless a transaction was begun by one.

    Whatever breaks an exchange midway closes it, so no answer is ever taken for another statement's.

    Args:
        wire: connected to the server; closed with this connection, also where the server refuses it.
        options: of the driver's connection: `user`, `password`, `database` and so on.
    """

    autocommit = True

    def __init__(self, wire: Wire, **options: Any) -> None:
        self._wire = wire
        self._made_by = os.getpid()
        self._prepared: OrderedDict[str, _Prepared] = OrderedDict()
        self._names = count()
        self._in_transaction = False
        try:
            super().__init__(sock=wire, ssl_context=False, **options)
        except BaseException:
            wire.close()
            raise

    def cursor(self) -> PostgreSQLCursor:
        """Return a new cursor."""
        return PostgreSQLCursor(self)

    def commit(self) -> None:
        """End the transaction."""
        self.run("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, where there is one; with a connection that is gone the server does."""
        if self._in_transaction and not self._wire.closed:
            self.run("ROLLBACK")

    def close(self) -> None:
        """Take leave of the server where it is there, and where this is not the fork of the process that came."""
        with suppress(pg8000.Error):
            if self._made_by == os.getpid():
                self._wire.write(_message(b"X"))
                self._wire.flush()
        self._wire.close()

    def run(self, sql: str) -> Any:
        """Run a statement without parameters; return the driver's `Context` of its answer."""
        self._wire.write(_message(b"Q", sql.encode() + b"\0"))
        return self._answered(Context(sql))

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> Any:
        """Run a statement, whose parameters are `$1` and so on, with each row of these; return the answers as one."""
        if not rows:
            return Context(sql)
        prepared = self._prepared.get(sql)
        if prepared is None:
            name, context = b"s%d\0" % next(self._names), Context(sql)
            parse = _message(b"P", name + sql.encode() + b"\0\0\0") + _message(b"D", _DESCRIBE_STATEMENT + name)
        else:
            self._prepared.move_to_end(sql)
            name, context = prepared.name, Context(sql, columns=prepared.columns, input_funcs=prepared.readers)
            parse = b""
        try:
            for batch in _batches(rows):
                executions = b"".join(_message(b"B", b"\0" + name + self._bound(row)) + _EXECUTE for row in batch)
                self._wire.write(parse + executions + _SYNC)
                self._answered(context)
                parse = b""
        except ServerError:
            self._forget(sql, name)
            raise
        if prepared is None:
            self._prepared[sql] = _Prepared(name, context.columns, context.input_funcs)
            if len(self._prepared) > _STATEMENTS:
                oldest = next(iter(self._prepared))
                self._forget(oldest, self._prepared[oldest].name)
        return context

    def handle_messages(self, context: Any) -> None:
        """Read the server's messages until it is ready for the next statement; raise what it says is wrong."""
        code, message, handlers = b"", self._wire.message, self.message_types
        try:
            while code != _READY:
                code, data = message()
                handlers[code](data, context)
        except ConnectionLost as error:
            if context.error is not None:  # its last word, before it ended the session
                raise ConnectionLost(str(context.error)) from error
            raise
        if context.error is not None:
            raise context.error

    def handle_READY_FOR_QUERY(self, data: bytes, context: Any) -> None:  # noqa: N802 - the driver's name
        """Note whether a transaction goes on."""
        super().handle_READY_FOR_QUERY(data, context)
        self._in_transaction = data != b"I"

    def handle_ERROR_RESPONSE(self, data: bytes, context: Any) -> None:  # noqa: N802 - the driver's name
        """Keep what the server says is wrong."""
        fields = {part[:1]: part[1:].decode(errors="replace") for part in data.split(b"\0")}
        sqlstate, detail = fields.get(b"C", ""), fields.get(b"D", "")
        kind = UniqueViolationError if sqlstate == "23505" else ServerError
        context.error = kind(sqlstate, fields.get(b"M", "") + (f" ({detail})" if detail else ""))

    def handle_DATA_ROW(self, data: bytes, context: Any) -> None:  # noqa: N802 - the driver's name
        """Read a row."""
        row: list[Any] = []
        at = 2
        for read in context.input_funcs:
            if data[at] == _NONE:
                row.append(None)
                at += 4
                continue
            end = at + 4 + _size(data, at)[0]
            value = data[at + 4 : end].decode()
            row.append(value if read is string_in else read(value))
            at = end
        context.rows.append(tuple(row))

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: N802 - the driver's name
        """Prove who connects; where it can be, by a proof that holds for this encrypted connection alone."""
        (kind,) = _LENGTH.unpack_from(data)
        if kind in _NEEDS_PASSWORD and self.password is None:
            raise ServerError("28P01", "the server asks for a password")
        try:
            if kind == 10:
                self._begin_scram([name.decode() for name in data[4:-2].split(b"\0")])
            else:
                super().handle_AUTHENTICATION_REQUEST(data, context)
        except ScramException as error:
            raise HandshakeFailed(f"the server cannot be authenticated: {error}") from error

    def _begin_scram(self, mechanisms: list[str]) -> None:
        tls = self._wire.tls
        binding = None if tls is None else ("tls-server-end-point", tls)
        self.auth = ScramClient(mechanisms, self.user.decode(), self.password.decode(), channel_binding=binding)
        first = self.auth.get_client_first().encode()
        self._wire.write(_message(b"p", self.auth.mechanism_name.encode() + b"\0" + _LENGTH.pack(len(first)) + first))
        self._wire.flush()

    def _answered(self, context: Any) -> Any:
        try:
            self._wire.flush()
            self.handle_messages(context)
        except ServerError:
            raise
        except BaseException:
            self._wire.close()
            raise
        return context

    def _forget(self, sql: str, name: bytes) -> None:
        """Let the server drop a prepared statement, together with what is sent next."""
        self._prepared.pop(sql, None)
        self._wire.write(_message(b"C", _CLOSE_STATEMENT + name))

    def _bound(self, row: Sequence[Any]) -> bytes:
        parts = [b"\0\0", struct.pack("!H", len(row))]
        for value in make_params(self.py_types, row):
            if value is None:
                parts.append(_LENGTH.pack(-1))
            else:
                text = value.encode()
                parts += (_LENGTH.pack(len(text)), text)
        parts.append(b"\0\0")
        return b"".join(parts)


def _message(code: bytes, data: bytes = b"") -> bytes:
    return code + _LENGTH.pack(len(data) + 4) + data


def _batches(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
