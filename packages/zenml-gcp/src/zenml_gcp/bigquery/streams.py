"""Streams: one read session of a table, whose streams workers read side by side, each as a shard."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from zenml.data.schema import Schema
from zenml.data.unordered import DealRows, Streams
from zenml.errors import DataError
from zenml_gcp.bigquery.columns import readable
from zenml_gcp.bigquery.service import BigQuery
from zenml_gcp.bigquery.tables import TableName
from zenml_gcp.bigquery.trouble import told
from zenml_gcp.google_trouble import RefusedError, explained

TRIES = 6
"""How often a stream is taken up again without a single row in between."""

PAUSE = 0.5
"""Seconds before the first of these tries; each further one waits twice as long."""

_SECONDS = 120.0
_STREAM_SECONDS = 86_400.0


@dataclass(frozen=True)
class Wanted:
    """What to read of a table.

    Args:
        table: where it is.
        columns: names of its columns; all by default.
        row_filter: a condition of SQL, or empty.
        time: as of when; None for now.
        payer: the project that pays.
        most: how many streams there may be.
    """

    table: TableName
    columns: tuple[str, ...]
    row_filter: str
    time: datetime | None
    payer: str
    most: int


def open_streams(service: BigQuery, wanted: Wanted) -> Streams:
    """Begin a read session, in which all streams see one state of the table.

    Args:
        service: gives the session.
        wanted: what to read.

    Raises:
        DataError: the service refuses.
    """
    from google.cloud.bigquery_storage_v1 import types

    client = service.reader()
    compression = types.ArrowSerializationOptions.CompressionCodec.LZ4_FRAME
    options = types.ReadSession.TableReadOptions(
        selected_fields=list(wanted.columns),
        row_restriction=wanted.row_filter,
        arrow_serialization_options=types.ArrowSerializationOptions(buffer_compression=compression),
    )
    modifiers = types.ReadSession.TableModifiers(snapshot_time=wanted.time) if wanted.time else None
    asked = types.ReadSession(
        table=wanted.table.resource,
        data_format=types.DataFormat.ARROW,
        read_options=options,
        table_modifiers=modifiers,
    )
    request = types.CreateReadSessionRequest(
        parent=f"projects/{wanted.payer}", read_session=asked, max_stream_count=wanted.most
    )
    try:
        session = service.api.call(
            "BigQuery", lambda: client.create_read_session(request, retry=None, timeout=_SECONDS)
        )
    except RefusedError as error:
        raise told(error, service.place) from error
    finally:
        client.transport.close()
    shards = [{"number": number, "stream": stream.name} for number, stream in enumerate(session.streams)]
    params = {"place": service.place, "arrow": b64encode(session.arrow_schema.serialized_schema).decode()}
    return Streams(f"{__name__}:ReadStream", shards, params, service.place, session.estimated_total_bytes_scanned)


class ReadStream(DealRows):
    """Read one stream of a session.

    Params besides those of `DealRows`: `place`, and `arrow`, the session's Arrow schema. Shards: `stream`, its name.
    """

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows; a stream that breaks off goes on after the last row that came."""
        service = BigQuery(self.params["place"])
        arrow = pa.ipc.read_schema(pa.py_buffer(b64decode(self.params["arrow"])))
        schema = Schema.from_json(self.params["schema"])
        client = service.reader()
        try:
            for answer in _answers(client, shard["stream"], service.place):
                data = pa.py_buffer(answer.arrow_record_batch.serialized_record_batch)
                yield readable(pa.ipc.read_record_batch(data, arrow), schema)
        finally:
            client.transport.close()


def _answers(client: Any, stream: str, place: str) -> Iterator[Any]:
    """Yield the answers of a stream, with rows in each."""
    from google.api_core.exceptions import GoogleAPICallError

    offset = tries = 0
    while True:
        try:
            for answer in client.read_rows(read_stream=stream, offset=offset, retry=None, timeout=_STREAM_SECONDS):
                if answer.row_count:
                    yield answer
                    offset += answer.row_count
                    tries = 0
        except GoogleAPICallError as error:
            tries += 1
            pause = _pause(error, PAUSE * 2 ** (tries - 1))
            if pause is None or tries == TRIES:
                raise _refused(error, place) from error
            time.sleep(pause)
        else:
            return


def _pause(error: Any, usual: float) -> float | None:
    """Return how many seconds to wait before a stream goes on, or None where it cannot."""
    from google.api_core.exceptions import InternalServerError, ResourceExhausted, ServiceUnavailable, Unknown

    if isinstance(error, ServiceUnavailable | Unknown):
        return usual
    if isinstance(error, InternalServerError):  # how gRPC tells that a connection was closed
        return usual if "RST_STREAM" in str(error.message) else None
    if isinstance(error, ResourceExhausted):
        asked = [
            each.retry_delay.ToTimedelta().total_seconds() for each in error.details if hasattr(each, "retry_delay")
        ]
        return max(asked, default=None)
    return None


def _refused(error: Any, place: str) -> Exception:
    said = str(error.message)
    if "expired" in said.lower():
        mend = "Run again, with more workers or a larger max_streams, so that all is read within the session's 6 hours"
        return DataError("the read session has expired", place, mend)
    known = explained(error, place)
    if isinstance(known, RefusedError):
        known.__cause__ = error
        return told(known, place)
    return known or error
