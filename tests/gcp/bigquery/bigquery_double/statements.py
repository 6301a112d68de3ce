"""Statements: SQL over the tables of a warehouse, run by DuckDB and refused in BigQuery's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import duckdb
import pyarrow as pa
from google_double import Refusal

from bigquery_double.warehouse import Key, Stored, Warehouse, as_sent

_QUOTED = re.compile(r"`([^`]+)`")
_POSITION = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
_UNKNOWN = re.compile(r'Referenced column "([^"]+)" not found')
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
_NEAR = re.compile(r'at or near "([^"]+)"')


class Statement:
    """A query.

    Args:
        text: in GoogleSQL.
        warehouse: holds the tables.
        project: of tables named without one.
        dataset: of tables named without one, or empty.
    """

    def __init__(self, text: str, warehouse: Warehouse, project: str, dataset: str) -> None:
        self.text, self._warehouse, self._project, self._dataset = text, warehouse, project, dataset
        self.tables: dict[Key, Stored] = {}
        self._sql = _QUOTED.sub(lambda found: self._table(found[1]), text)

    def _table(self, written: str) -> str:
        parts = written.split(".")
        project, dataset, name = [self._project, self._dataset][: 3 - len(parts)] + parts
        if (project, dataset) not in {found[:2] for found in self._warehouse.tables}:
            raise Refusal(404, f"Not found: Dataset {project}:{dataset} was not found in location US")
        stored = self._warehouse.tables.get((project, dataset, name))
        if stored is None:
            raise Refusal(404, f"Not found: Table {project}:{dataset}.{name} was not found in location US")
        self.tables[stored.key] = stored
        # As long as what it stands for, so that positions in the text remain what they are.
        return f"t{list(self.tables).index(stored.key)}".ljust(len(written) + 2)

    @property
    def size(self) -> int:
        """Return how many bytes it reads."""
        return sum(stored.now.nbytes for stored in self.tables.values())

    def schema(self) -> pa.Schema:
        """Return the columns of the result, without running it."""
        return self._run(f"SELECT * FROM ({self._sql}\n) LIMIT 0").schema

    def run(self) -> pa.Table:
        """Return the result."""
        return self._run(self._sql)

    def _run(self, sql: str) -> pa.Table:
        tables = {f"t{place}": stored.now for place, stored in enumerate(self.tables.values())}
        try:
            return execute(sql, tables)
        except duckdb.Error as error:
            raise _refused(str(error), self.text, sql.index(self._sql)) from None


def execute(sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Run a statement over tables."""
    with duckdb.connect(":memory:", config={"threads": 1}) as base:
        base.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            base.register(name, table)
        try:
            return as_sent(base.sql(sql).to_arrow_table())
        except duckdb.Error:
            base.execute(sql)  # which says where in the text it is
            raise


def filtered(table: pa.Table, columns: Iterable[str], condition: str) -> pa.Table:
    """Return rows of a table for which a condition holds."""
    if not condition:
        return as_sent(table.select(list(columns)))
    names = ", ".join(f'"{name}"' for name in columns)
    return execute(f"SELECT {names} FROM t WHERE ({condition}\n)", {"t": table})


def _refused(said: str, text: str, before: int) -> Refusal:
    found = _POSITION.search(said)
    line, column = (int(found[1]), len(found[3]) - len(f"LINE {found[1]}: ") + 1) if found else (1, 1)
    at = f"[{line}:{column - (before if line == 1 else 0)}]"
    unknown, near, table = _UNKNOWN.search(said), _NEAR.search(said), _NO_TABLE.search(said)
    if unknown:
        return Refusal(400, f"Unrecognized name: {unknown[1]} at {at}", "invalidQuery")
    if table:
        what = f'Table "{table[1]}" must be qualified with a dataset (e.g. dataset.table).'
        return Refusal(400, what, "invalid")
    if near:
        return Refusal(400, f'Syntax error: Unexpected identifier "{near[1]}" at {at}', "invalidQuery")
    return Refusal(400, said.partition("\n")[0], "invalidQuery")
