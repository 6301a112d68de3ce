"""The two faces of BigQuery: REST, which knows tables and runs queries, and gRPC, by which rows are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from zenml_gcp.bigquery.trouble import told
from zenml_gcp.google_api import GoogleAPI
from zenml_gcp.google_trouble import RefusedError

REST_EMULATOR = "BIGQUERY_EMULATOR_HOST"
GRPC_EMULATOR = "BIGQUERY_STORAGE_GRPC_ENDPOINT"
"""Environment variables with the addresses of an emulator, which gets no credentials by gRPC, as it has no TLS."""

_HOST = "bigquery.googleapis.com"
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@dataclass(frozen=True)
class BigQuery:
    """The service, reached by the application default credentials.

    Args:
        place: what to call in errors what is read.
        api: makes the calls.
    """

    place: str
    api: GoogleAPI = field(default_factory=lambda: GoogleAPI(os.environ.get(REST_EMULATOR) or None))

    def call(
        self,
        verb: str,
        *path: str,
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any]:
        """Make a call by REST.

        Args:
            verb: of HTTP.
            path: its parts after `projects`.
            body: what to send.
            parameters: of the URL.

        Raises:
            DataError: the service refuses.
            ZenMLError: it cannot be reached, or the credentials are missing or not valid.
        """
        address = "/".join(quote(part, safe="") for part in ("bigquery", "v2", "projects", *path))
        end = f"?{urlencode(parameters)}" if parameters else ""
        try:
            return self.api.request(verb, _HOST, f"/{address}{end}", body)
        except RefusedError as error:
            raise told(error, self.place) from error

    def reader(self) -> Any:
        """Return a client of the Storage Read API."""
        # What gRPC does in forked children can end those that only start a program, such as the JVM of Spark.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
        from google.cloud.bigquery_storage_v1.services.big_query_read import BigQueryReadClient

        address = os.environ.get(GRPC_EMULATOR)
        if not address:
            return BigQueryReadClient(credentials=self.api.credentials)
        import grpc
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

        channel = grpc.insecure_channel(address, options=_UNLIMITED)
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
