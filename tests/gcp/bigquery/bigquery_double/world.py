"""World: one warehouse behind both faces of the service."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
from google_double import GoogleDouble

from bigquery_double.rest import BigQueryService
from bigquery_double.storage import StorageServer
from bigquery_double.warehouse import Warehouse

_TABLES = Path(__file__).parents[3] / "data"


def real_table(name: str) -> pa.Table:
    """Return one of the tables in `tests/data`: `penguins` or `flights`."""
    options = pa_csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    return pa_csv.read_csv(_TABLES / f"{name}.csv", convert_options=options).combine_chunks()


class World:
    """The doubles of both faces; a context manager.

    Args:
        folder: takes the credentials.
        streams: how many streams a session gets at most.
        seed: of how rows fall to streams.
    """

    def __init__(self, folder: Path, streams: int = 3, seed: int = 0) -> None:
        self.warehouse = Warehouse()
        self.service = BigQueryService(self.warehouse)
        self.google = GoogleDouble(self.service)
        self.storage = StorageServer(self.warehouse, streams, seed)
        self.key = folder / "credentials.json"

    def __enter__(self) -> World:
        self.google.__enter__()
        self.storage.__enter__()
        self.google.write_credentials(self.key)
        return self

    def __exit__(self, *_: object) -> None:
        self.storage.__exit__()
        self.google.__exit__(None, None, None)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which clients find it."""
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.key),
            "BIGQUERY_EMULATOR_HOST": self.google.url,
            "BIGQUERY_STORAGE_GRPC_ENDPOINT": self.storage.address,
        }
