"""BigQueryService: tables, and jobs that are queries."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from google_double import Body, Call, Refusal, Service, serves

from bigquery_double.statements import Statement
from bigquery_double.warehouse import Stored, Warehouse, describe

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")


@dataclass
class _Job:
    """A query that runs.

    Args:
        body: the job as it was sent.
        polls: how often it says that it is not done.
        result: key of the table with its result.
        cached: whether that is an earlier one's.
        failed: why it failed.
    """

    body: Body
    polls: int = 1
    result: tuple[str, str, str] = ("", "", "")
    cached: bool = False
    failed: Refusal | None = None
    cancelled: bool = False
    statement: Statement | None = field(default=None)


class BigQueryService(Service):
    """BigQuery's REST API over a warehouse.

    Args:
        warehouse: holds the tables.
    """

    DOCUMENT: ClassVar[str] = "bigquery.v2"
    HOST: ClassVar[str] = "bigquery.googleapis.com"

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__()
        self.warehouse = warehouse
        self.denied: set[str] = set()
        """Permissions that nobody has."""
        self.jobs: dict[tuple[str, str], _Job] = {}
        self.fail_running = ""
        """What every job that runs fails with."""

    @serves("bigquery.tables.get")
    def _table(self, call: Call) -> Body:
        project, dataset, name = (call.parameters[key] for key in ("projectId", "datasetId", "tableId"))
        spot = f"{project}:{dataset}.{name}"
        self._demand("bigquery.tables.get", f"Table {spot}", f"denied on table {spot} (or it may not exist).")
        if dataset not in self.warehouse.names(project):
            raise Refusal(404, f"Not found: Dataset {project}:{dataset}")
        stored = self.warehouse.tables.get((project, dataset, name))
        if stored is None:
            raise Refusal(404, f"Not found: Table {spot}")
        return _described(stored)

    @serves("bigquery.datasets.list")
    def _datasets(self, call: Call) -> Body:
        project = call.parameters["projectId"]
        names = self.warehouse.names(project)
        rows = [{"id": f"{project}:{name}", "datasetReference": _reference(project, name)} for name in names]
        return _page("datasets", rows, call)

    @serves("bigquery.tables.list")
    def _tables(self, call: Call) -> Body:
        project, dataset = call.parameters["projectId"], call.parameters["datasetId"]
        self._demand("bigquery.tables.list", f"Dataset {project}:{dataset}", f"denied on dataset {project}:{dataset}.")
        names = self.warehouse.names(project, dataset)
        rows = [{"tableReference": _reference(project, dataset, name), "type": "TABLE"} for name in names]
        return _page("tables", rows, call)

    @serves("bigquery.jobs.insert")
    def _insert(self, call: Call) -> Body:
        project = call.parameters["projectId"]
        permission = "bigquery.jobs.create"
        if permission in self.denied:
            what = f"Access Denied: Project {project}: User does not have {permission} permission in project {project}."
            raise Refusal(403, what, "accessDenied")
        sent = call.body["configuration"]
        query = sent.get("query", {})
        if not query.get("query"):
            raise Refusal(400, "Required parameter is missing: query")
        if query.get("useLegacySql", True):
            raise Refusal(400, "the double speaks no legacy SQL")
        for key, value in sent.get("labels", {}).items():
            if not key or not _LABEL.fullmatch(key) or not _LABEL.fullmatch(value):
                raise Refusal(400, f"Label {key}:{value} is invalid.")
        default = query.get("defaultDataset", {})
        statement = Statement(
            query["query"], self.warehouse, default.get("projectId", project), default.get("datasetId", "")
        )
        reference = {"projectId": project, "location": "US", **call.body.get("jobReference", {})}
        if reference["location"] != "US":
            raise Refusal(404, f"Not found: Dataset {project}:nyc was not found in location {reference['location']}")
        facts: Body = {"totalBytesProcessed": str(statement.size), "cacheHit": False}
        if query["query"].upper().startswith("CREATE TABLE"):
            facts["statementType"] = "CREATE_TABLE_AS_SELECT"
        else:
            facts["statementType"] = "SELECT"
            facts["schema"] = {"fields": [describe(column) for column in statement.schema()]}
        if sent.get("dryRun"):
            return {"jobReference": reference, "configuration": sent, "statistics": {"query": facts}}
        name = reference.get("jobId", "")
        if not _JOB_ID.fullmatch(name):
            raise Refusal(400, f'Invalid job ID "{name}".')
        if (project, name) in self.jobs:
            raise Refusal(409, f"Already Exists: Job {project}:US.{name}", "duplicate")
        job = _Job({**call.body, "jobReference": reference}, statement=statement)
        self._start(job, project, statement, int(query.get("maximumBytesBilled", 0)))
        self.jobs[project, name] = job
        return self._told(job)

    def _start(self, job: _Job, project: str, statement: Statement, most: int) -> None:
        states = [(key, stored.states[-1][0]) for key, stored in statement.tables.items()]
        digest = hashlib.sha256(f"{statement.text}{states}".encode()).hexdigest()[:16]
        job.result = (project, "_anonymous", f"anon{digest}")
        if most and statement.size > most:
            what = f"Query exceeded limit for bytes billed: {most}. {statement.size} or higher required."
            job.failed = Refusal(400, what, "bytesBilledLimitExceeded")
        elif self.fail_running:
            job.failed = Refusal(400, self.fail_running, "invalidQuery")
        elif job.result in self.warehouse.tables:
            job.cached = True
        else:
            self.warehouse.put(".".join(job.result), statement.run(), hours_ago=0)

    @serves("bigquery.jobs.getQueryResults")
    def _results(self, call: Call) -> Body:
        job = self._job(call)
        if job.polls:
            job.polls -= 1
            return {"jobComplete": False, "jobReference": job.body["jobReference"]}
        if job.failed:
            raise job.failed
        rows = self.warehouse.tables[job.result].now.num_rows
        return {"jobComplete": True, "jobReference": job.body["jobReference"], "totalRows": str(rows)}

    @serves("bigquery.jobs.get")
    def _get(self, call: Call) -> Body:
        return self._told(self._job(call))

    @serves("bigquery.jobs.cancel")
    def _cancel(self, call: Call) -> Body:
        job = self._job(call)
        job.cancelled = True
        return {"kind": "bigquery#jobCancelResponse", "job": self._told(job)}

    def _job(self, call: Call) -> _Job:
        project, name = call.parameters["projectId"], call.parameters["jobId"]
        job = self.jobs.get((project, name))
        if job is None or call.one("location") not in ("", "US"):
            raise Refusal(404, f"Not found: Job {project}:{name}")
        return job

    def _told(self, job: _Job) -> Body:
        query = {**job.body["configuration"]["query"], "destinationTable": _reference(*job.result)}
        state: Mapping[str, Any] = {"state": "RUNNING" if job.polls else "DONE"}
        return {
            "jobReference": job.body["jobReference"],
            "configuration": {**job.body["configuration"], "query": query},
            "status": dict(state),
            "statistics": {"query": {"statementType": "SELECT", "cacheHit": job.cached}},
        }

    def _demand(self, permission: str, on: str, end: str) -> None:
        if permission in self.denied:
            raise Refusal(403, f"Access Denied: {on}: Permission {permission} {end}", "accessDenied")


def _reference(project: str, dataset: str, table: str = "") -> Body:
    return {"projectId": project, "datasetId": dataset, **({"tableId": table} if table else {})}


def _described(stored: Stored) -> Body:
    streaming = {"streamingBuffer": {"estimatedRows": "1"}} if stored.streaming else {}
    return {
        "kind": "bigquery#table",
        "tableReference": _reference(*stored.key),
        "type": stored.kind,
        "schema": {"fields": stored.fields},
        "creationTime": str(stored.states[0][0]),
        "lastModifiedTime": str(stored.states[-1][0]),
        "numRows": str(stored.now.num_rows),
        "numBytes": str(stored.now.nbytes),
        "location": "US",
        **streaming,
    }


def _page(kind: str, rows: list[Body], call: Call) -> Body:
    """Return two rows at a time, so that pages must be turned."""
    start = int(call.one("pageToken", "0"))
    more = {"nextPageToken": str(start + 2)} if start + 2 < len(rows) else {}
    return {kind: rows[start : start + 2], **more}
