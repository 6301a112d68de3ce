"""BigQueryDatasource: tables and queries of Google BigQuery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AwareDatetime, BeforeValidator, Field, PrivateAttr, model_validator

from zenml.data.identity import IdentityMemo
from zenml.data.sql.refresh import Read, checked_refresh, plan_read
from zenml.datasources.base import Datasource
from zenml.datasources.files import FeatureText
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.schema import Schema
    from zenml_gcp.bigquery.queries import Query
    from zenml_gcp.bigquery.service import BigQuery
    from zenml_gcp.bigquery.streams import Wanted
    from zenml_gcp.bigquery.tables import Table, TableName

_CODEC = "bigquery/1"
_FORMER = {
    "query_project": "project",
    "query_dataset": "dataset",
    "query_table": "table",
    "query_limit": "limit",
    "dest_project": "billing_project",
}
"""What ZenML 0.3 called some of the fields."""


class BigQueryDatasource(Datasource):
    """Read a table or the result of a query from Google BigQuery, as it was at one time.

    The rows come through the Storage Read API, in several streams that workers read side by side, and are put into the
    order of a hash of their content: whatever the streams, the same rows are the same version of the data. The
    credentials are the application default ones.

    Numbers, texts, bytes and truth values keep their types; TIMESTAMP, DATETIME and DATE are timestamps (instants in
    UTC, times without a zone as they are); NUMERIC and BIGNUMERIC are integers up to 18 digits and floats up to 15
    where their column says so, else `types` must say how to read them; JSON is text; an array of numbers, texts or
    bytes is a list. Other types are refused until `types` or a query says how to read them.

    Args:
        project: the project of the table, or the one in which the query runs.
        dataset: the dataset of the table; that of a query is where it looks for tables without one.
        table: name of the table; or else
        query: a SELECT statement in GoogleSQL. BigQuery keeps its result for a day.
        columns: names of the columns to read of a table, in that order; all by default.
        row_filter: which rows to read of a table: a condition of SQL such as `year = 2013`.
        limit: how many rows to keep of a table: as good as drawn at random, and always the same ones. All are read.
        snapshot_time: as of when to read a table, with a zone: as a rule within the last 7 days. By default as it is
            when the run is planned.
        refresh: when the source is looked at again: `always` in each run (a table that did not change since is not read
            again; a query runs again, and the same result is still the same version), `never` once it was read, or when
            the last reading is older than an age such as `30m`, `1h` or `7d`.
        types: other types for columns, by name: timestamps are texts in ISO 8601.
        billing_project: the project that pays for the reading and for the query; by default `project`.
        location: where a query runs, as `EU`; by default where its tables lie.
        maximum_bytes_billed: a query that would read more is refused before it runs.
        max_streams: how many streams to ask for at most.
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    CACHE_VERSION = 1
    LOCATING: ClassVar[tuple[str, ...]] = (
        "billing_project",
        "location",
        "refresh",
        "maximum_bytes_billed",
        "max_streams",
    )

    project: str = Field(pattern=r"^[a-z0-9.:-]+$")
    dataset: str | None = Field(default=None, pattern=r"^\w+$")
    table: str | None = Field(default=None, pattern=r"^[^.`$@*/]+$")
    query: str | None = Field(default=None, min_length=1)
    columns: list[str] = Field(default_factory=list)
    row_filter: str = ""
    limit: int | None = Field(default=None, ge=1)
    snapshot_time: AwareDatetime | None = None
    refresh: Annotated[str, BeforeValidator(checked_refresh)] = "always"
    types: dict[str, FeatureText] = Field(default_factory=dict)
    billing_project: str | None = Field(default=None, pattern=r"^[a-z0-9.:-]+$")
    location: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]+$")
    maximum_bytes_billed: int | None = Field(default=None, ge=1)
    max_streams: int = Field(default=16, ge=1, le=1000)
    tfrecord: bool = True

    _memo: IdentityMemo = PrivateAttr(default_factory=IdentityMemo)
    _read: Read | None = PrivateAttr(default=None)
    _table: Any = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if "gcs_location" in given:
            raise ValueError("the rows come straight from BigQuery, through no bucket: leave gcs_location out")
        return {new if (new := _FORMER.get(name, name)) not in given else name: row for name, row in given.items()}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("name either a table or a query")
        if self.table is not None and self.dataset is None:
            raise ValueError("name the dataset of the table")
        if self.table is not None and (self.location or self.maximum_bytes_billed):
            raise ValueError("location and maximum_bytes_billed are for queries: reading a table runs none")
        if self.query is not None:
            names = ("columns", "row_filter", "limit", "snapshot_time")
            wrong = ", ".join(name for name in names if getattr(self, name))
            if wrong:
                raise ValueError(f"the query itself says what to read: leave out {wrong}")
        if self.snapshot_time is not None and self.refresh != "always":
            raise ValueError("what a table was like at snapshot_time does not change: leave refresh out")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns names a column twice")
        return self

    @property
    def _place(self) -> str:
        return f"BigQuery table {self._name}" if self.table else f"BigQuery query in {self.project}"

    @property
    def _name(self) -> TableName:
        from zenml_gcp.bigquery.tables import TableName

        return TableName(self.project, self.dataset or "", self.table or "")

    @property
    def _service(self) -> BigQuery:
        from zenml_gcp.bigquery.service import BigQuery

        return BigQuery(self._place)

    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return what stands for the content: of a table its version or its time, else a reading.

        Raises:
            DataError: there is no such table, or it cannot be looked at.
        """
        self._memo = memo or self._memo
        return self._plan().identity

    def _plan(self) -> Read:
        fields = ("project", "dataset", "table", "query", "columns", "row_filter", "limit", "snapshot_time", "types")
        parts = {"codec": _CODEC, **self.model_dump(mode="json", include=set(fields))}
        self._table = None
        refresh = "never" if self.snapshot_time else self.refresh
        self._read = plan_read(parts, refresh, self._memo, self._table_version if self.table else None)
        return self._read

    def _table_version(self) -> str:
        """Return what changes when the table does; empty where that is not known."""
        version: str = self._look().version
        return version

    def _look(self) -> Table:
        from zenml_gcp.bigquery.tables import look_up

        if self._table is None:
            self._table = look_up(self._service, self._name)
        found: Table = self._table
        return found

    def run(self, context: StepContext) -> None:
        """Read the rows of one state of the source, and keep them as Arrow shards with schema and statistics."""
        import time

        from zenml.data.splits import cast_messages
        from zenml.data.unordered import keep_unordered
        from zenml_gcp.bigquery.streams import open_streams

        planned, began = self._read or self._plan(), time.time()
        schema, wanted = self._wanted_table() if self.table else self._wanted_result(context)
        streams = open_streams(self._service, wanted)
        output = context.outputs["examples"]
        how = (schema, self.tfrecord, output.path, context.scratch, context.run_job)
        read = keep_unordered(streams, *how, limit=self.limit)
        self._memo.remember_reading(planned.source, planned.identity, began)
        self._read = self._table = None
        for message in cast_messages(read.casts):
            context.report.log(message)
        output.properties.update(splits=read.splits, source_identity=planned.identity, tfrecord_casts=read.casts)

    def _wanted_table(self) -> tuple[Schema, Wanted]:
        from zenml_gcp.bigquery.streams import Wanted

        table = self._look()
        when = self.snapshot_time or table.time
        payer = self.billing_project or self.project
        schema = self._schema(table.fields)
        return schema, Wanted(table.name, schema.names, self.row_filter, when, payer, self.max_streams)

    def _wanted_result(self, context: StepContext) -> tuple[Schema, Wanted]:
        from zenml_gcp.bigquery.streams import Wanted

        query = self._query
        schema = self._schema(query.check())
        table, cached = query.run()
        if cached:
            context.report.log("BigQuery had the result of the query at hand: nothing it reads has changed")
        return schema, Wanted(table, schema.names, "", None, query.payer, self.max_streams)

    @property
    def _query(self) -> Query:
        from zenml_gcp.bigquery.queries import Query

        payer = self.billing_project or self.project
        text, most = self.query or "", self.maximum_bytes_billed
        return Query(self._service, text, payer, self.project, self.dataset or "", self.location or "", most)

    def _schema(self, fields: Any) -> Schema:
        from zenml.data.schema import feature_type
        from zenml_gcp.bigquery.columns import schema_of

        declared = {name: feature_type(kind) for name, kind in self.types.items()}
        return schema_of(fields, self.columns, declared, self._place)
