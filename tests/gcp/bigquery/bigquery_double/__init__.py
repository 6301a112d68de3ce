"""A double of BigQuery on the loopback: its REST calls and its Storage Read API, over tables that are really queried.

`warehouse` holds tables with their pasts, `statements` runs SQL over them in DuckDB, `rest` answers what the discovery
document describes, and `storage` is a gRPC server of the Storage Read API with the official messages; `World` has
all of them together.
"""

from __future__ import annotations

from bigquery_double.rest import BigQueryService
from bigquery_double.storage import Break, StorageServer
from bigquery_double.warehouse import Warehouse
from bigquery_double.world import World

__all__ = ["BigQueryService", "Break", "StorageServer", "Warehouse", "World"]
