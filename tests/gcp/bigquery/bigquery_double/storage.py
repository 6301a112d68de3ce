"""StorageServer: the Storage Read API by gRPC on the loopback, with the official messages."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb
import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from google.protobuf.duration_pb2 import Duration
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from bigquery_double.statements import filtered
from bigquery_double.warehouse import WINDOW_MS, Stored, Warehouse

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
_LZ4 = types.ArrowSerializationOptions.CompressionCodec.LZ4_FRAME
_MOST_STREAMS = 1000


@dataclass
class Break:
    """Streams that break off.

    Args:
        how: `unavailable`, `reset`, `throttled`, `exhausted`, `expired`, or `broken`, which nothing mends.
        after: how many rows the call gives before.
        times: how many calls break off.
    """

    how: str
    after: int = 0
    times: int = 1


_HOWS = {
    "unavailable": (grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable."),
    "reset": (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),
    "exhausted": (grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded: Your project exceeded quota for read rows."),
    "expired": (
        grpc.StatusCode.FAILED_PRECONDITION,
        "there was an error operating on the stream: session expired at 2024-11-23T09:59:13+00:00",
    ),
    "broken": (grpc.StatusCode.INTERNAL, "an internal error"),
}


class StorageServer:
    """A server; a context manager.

    Args:
        warehouse: holds the tables.
        streams: how many streams a session gets, unless it asks for fewer.
        seed: of how rows fall to streams, in which order, and to answers.
    """

    def __init__(self, warehouse: Warehouse, streams: int = 3, seed: int = 0) -> None:
        self.warehouse, self.streams = warehouse, streams
        self.random = random.Random(seed)
        self.breaks: list[Break] = []
        self.denied: set[str] = set()
        self.sessions: list[types.CreateReadSessionRequest] = []
        self.offsets: list[int] = []
        """Where calls of streams began."""
        self._rows: dict[str, tuple[pa.Table, bool]] = {}
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((self._handlers(),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> StorageServer:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def _handlers(self) -> Any:
        session, rows = types.CreateReadSessionRequest, types.ReadRowsRequest
        handlers = {
            "CreateReadSession": grpc.unary_unary_rpc_method_handler(
                self._create, session.deserialize, types.ReadSession.serialize
            ),
            "ReadRows": grpc.unary_stream_rpc_method_handler(
                self._read, rows.deserialize, types.ReadRowsResponse.serialize
            ),
        }
        return grpc.method_handlers_generic_handler(_SERVICE, handlers)

    def _create(self, request: types.CreateReadSessionRequest, context: grpc.ServicerContext) -> types.ReadSession:
        asked = request.read_session
        self.sessions.append(request)
        parts = asked.table.split("/")
        if len(parts) != 6 or parts[::2] != ["projects", "datasets", "tables"]:
            _refuse(context, f"request failed: invalid table name {asked.table!r}")
        if not request.parent.startswith("projects/") or len(request.parent.split("/")) != 2:
            _refuse(context, "request failed: parent must be of the form projects/{project_id}")
        if len(UnknownFieldSet(types.CreateReadSessionRequest.pb(request))):
            _refuse(context, "request failed: unknown fields")
        if asked.data_format != types.DataFormat.ARROW:
            _refuse(context, "request failed: data_format must be ARROW for this double")
        if not request.max_stream_count >= 0:
            _refuse(context, "request failed: max_stream_count must not be negative")
        permission = "bigquery.readsessions.create"
        if permission in self.denied:
            what = f"request failed: the user does not have '{permission}' permission for '{request.parent}'"
            context.abort(grpc.StatusCode.PERMISSION_DENIED, what)
        project, dataset, name = parts[1::2]
        stored = self.warehouse.tables.get((project, dataset, name))
        if stored is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"request failed: Not found: Table {project}:{dataset}.{name}")
        data = self._select(stored, asked, context)
        return self._split(request, data)

    def _select(self, stored: Stored, asked: types.ReadSession, context: grpc.ServicerContext) -> pa.Table:
        if stored.kind not in ("TABLE", "SNAPSHOT"):
            _refuse(context, f"request failed: Table type {stored.kind} is not supported by the Storage Read API")
        table = stored.now
        if asked.table_modifiers.snapshot_time:
            moment = asked.table_modifiers.snapshot_time.timestamp() * 1000
            now = time.time() * 1000
            at = stored.at(moment)
            if at is None or moment > now or moment < now - WINDOW_MS or stored.kind == "SNAPSHOT":
                _refuse(context, "request failed: Invalid snapshot time: it is outside of what can be read")
            table = at
        options = asked.read_options
        missing = [name for name in options.selected_fields if name not in table.column_names]
        if missing:
            fields = ", ".join(missing)
            _refuse(
                context, f"request failed: The following selected fields do not exist in the table schema: {fields}"
            )
        # The order in which fields are selected plays no part.
        names = [name for name in table.column_names if name in options.selected_fields or not options.selected_fields]
        try:
            return filtered(table, names, options.row_restriction)
        except duckdb.Error as error:
            spot = f"{stored.key[1]}.{stored.key[2]}"
            what = f"Row filter for table {spot} is invalid. Filter is '{options.row_restriction}'"
            _refuse(context, f"request failed: {what}: {str(error).partition(chr(10))[0]}")
            raise

    def _split(self, request: types.CreateReadSessionRequest, data: pa.Table) -> types.ReadSession:
        count = min(self.streams, request.max_stream_count or _MOST_STREAMS) if data.num_rows else 0
        name = f"{request.parent}/locations/us/sessions/s{len(self.sessions)}"
        options = request.read_session.read_options.arrow_serialization_options
        rows = list(range(data.num_rows))
        with self._lock:
            self.random.shuffle(rows)
            cuts = sorted(self.random.randint(0, len(rows)) for _ in range(count - 1))
        streams = []
        for number, (low, high) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True) if count else ()):
            stream = f"{name}/streams/{number}"
            taken = data.take(pa.array(rows[low:high], pa.int64())).combine_chunks()
            self._rows[stream] = (taken, options.buffer_compression == _LZ4)
            streams.append(types.ReadStream(name=stream))
        return types.ReadSession(
            name=name,
            table=request.read_session.table,
            data_format=types.DataFormat.ARROW,
            arrow_schema=types.ArrowSchema(serialized_schema=data.schema.serialize().to_pybytes()),
            streams=streams,
            estimated_total_bytes_scanned=data.nbytes,
            estimated_row_count=data.num_rows,
        )

    def _read(self, request: types.ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[types.ReadRowsResponse]:
        found = self._rows.get(request.read_stream)
        if found is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no stream {request.read_stream}")
            return
        table, packed = found
        if not 0 <= request.offset <= table.num_rows:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, f"there is no offset {request.offset}")
        permission = "bigquery.readsessions.getData"
        if permission in self.denied:
            on = request.read_stream
            what = (
                f"there was an error operating on '{on}': the user does not have '{permission}' permission for '{on}'"
            )
            context.abort(grpc.StatusCode.PERMISSION_DENIED, what)
        with self._lock:
            self.offsets.append(request.offset)
            broken = next((each for each in self.breaks if each.times > 0), None)
            if broken:
                broken.times -= 1
        left = broken.after if broken else table.num_rows
        offset = request.offset
        while offset < table.num_rows and left > 0:
            with self._lock:
                rows = min(self.random.randint(1, max(1, table.num_rows // 3)), left)
            (batch,) = table.slice(offset, rows).combine_chunks().to_batches()
            offset, left = offset + batch.num_rows, left - batch.num_rows
            data = types.ArrowRecordBatch(serialized_record_batch=_message(batch, packed))
            yield types.ReadRowsResponse(arrow_record_batch=data, row_count=batch.num_rows)
        if broken:
            _break(broken, context)


def _refuse(context: grpc.ServicerContext, what: str) -> None:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, what)


def _break(broken: Break, context: grpc.ServicerContext) -> None:
    if broken.how == "throttled":
        status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="Slow down.")
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(nanos=1)))
        context.abort_with_status(rpc_status.to_status(status))
    context.abort(*_HOWS[broken.how])


def _message(batch: pa.RecordBatch, packed: bool) -> bytes:
    """Return a batch as one message, without its schema."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4" if packed else None)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    messages = pa.ipc.MessageReader.open_stream(sink.getvalue())
    messages.read_next_message()
    return bytes(messages.read_next_message().serialize())
