"""Queries: checked without running, then run once, with their result in a table that can be read."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zenml.errors import DataError, ZenMLError
from zenml_gcp.bigquery.service import BigQuery
from zenml_gcp.bigquery.tables import TableName
from zenml_gcp.bigquery.trouble import BigQueryError

_WAIT_MS = 20_000
_LABELS = {"created-by": "zenml"}


@dataclass(frozen=True)
class Query:
    """A query.

    Args:
        service: runs it.
        text: the statement.
        payer: the project that pays for it.
        project: that of tables which it names without one.
        dataset: that of tables which it names without one; or empty.
        location: where it runs; empty where the service finds that out.
        most: how many bytes it may be billed at most; None for as many as it takes.
    """

    service: BigQuery
    text: str
    payer: str
    project: str
    dataset: str
    location: str
    most: int | None

    def check(self) -> Sequence[Mapping[str, Any]]:
        """Return the columns of its result, as the service describes them; nothing runs, nothing is billed.

        Raises:
            DataError: it is wrong, selects nothing, or would read too much.
        """
        job = self.service.call("POST", self.payer, "jobs", body=self._body(_new_name(), dry=True))
        facts = job["statistics"]["query"]
        if facts.get("statementType", "SELECT") != "SELECT":
            what = f"the query is no SELECT statement, but {facts['statementType']}"
            raise DataError(what, self.service.place)
        size = int(facts.get("totalBytesProcessed", 0))
        if self.most is not None and size > self.most:
            raise DataError(
                f"the query would read {size:,} bytes, more than maximum_bytes_billed allows ({self.most:,})",
                self.service.place,
                "Raise it, or let the query read less: fewer columns, or a filter by the partition",
            )
        fields: Sequence[Mapping[str, Any]] = facts.get("schema", {}).get("fields", [])
        return fields

    def run(self) -> tuple[TableName, bool]:
        """Run it; return the table that holds the result, and whether it is the unchanged one of an earlier run.

        Raises:
            DataError: it fails.
        """
        # The job's name makes it one job, however often the call is made.
        name = _new_name()
        try:
            job = self.service.call("POST", self.payer, "jobs", body=self._body(name))
        except BigQueryError as error:
            if error.code != 409:
                raise
            job = self._get(name, self.location)
        location = job["jobReference"].get("location", self.location)
        try:
            self._wait(name, location)
            job = self._get(name, location)
        except (BigQueryError, DataError):
            raise
        except BaseException:
            self._cancel(name, location)
            raise
        row = job["configuration"]["query"]["destinationTable"]
        cached = bool(job["statistics"]["query"].get("cacheHit"))
        return TableName(row["projectId"], row["datasetId"], row["tableId"]), cached

    def _body(self, name: str, *, dry: bool = False) -> dict[str, Any]:
        reference = {"projectId": self.payer, "jobId": name, "location": self.location}
        query: dict[str, Any] = {"query": self.text, "useLegacySql": False}
        if self.dataset:
            query["defaultDataset"] = {"projectId": self.project, "datasetId": self.dataset}
        if self.most is not None and not dry:
            query["maximumBytesBilled"] = str(self.most)
        return {
            "jobReference": {key: value for key, value in reference.items() if value},
            "configuration": {"query": query, "dryRun": dry, "labels": _LABELS},
        }

    def _wait(self, name: str, location: str) -> None:
        parameters: dict[str, str | int] = {"maxResults": 0, "timeoutMs": _WAIT_MS, "location": location}
        while not self.service.call("GET", self.payer, "queries", name, parameters=parameters).get("jobComplete"):
            pass  # the service itself waits before it says so

    def _get(self, name: str, location: str) -> dict[str, Any]:
        parameters = {"location": location} if location else None
        return self.service.call("GET", self.payer, "jobs", name, parameters=parameters)

    def _cancel(self, name: str, location: str) -> None:
        """Stop it when nobody waits for it any more, as it costs."""
        with contextlib.suppress(ZenMLError):
            self.service.call("POST", self.payer, "jobs", name, "cancel", parameters={"location": location})


def _new_name() -> str:
    return f"zenml_{uuid.uuid4().hex}"
