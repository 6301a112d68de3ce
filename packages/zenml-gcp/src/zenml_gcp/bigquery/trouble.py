"""What BigQuery's refusals mean, and what to do about them."""

from __future__ import annotations

import re

from zenml.errors import DataError, Problem
from zenml_gcp.google_trouble import RefusedError

_PERMISSION = re.compile(r"\bbigquery\.(?!googleapis)\w+\.\w+")
_ON = re.compile(
    r"(?:denied on|permission (?:in|on|for)) '?((?:project|dataset|table|Project|Dataset|Table)[\w:./ -]*)"
)
_POSITION = re.compile(r" at \[(\d+):(\d+)\]")
_URL = re.compile(r"^[A-Z]+ https?://\S+: ")
_ROLES = {
    "bigquery.jobs.create": "BigQuery Job User (roles/bigquery.jobUser)",
    "bigquery.readsessions.create": "BigQuery Read Session User (roles/bigquery.readSessionUser)",
    "bigquery.readsessions.getData": "BigQuery Read Session User (roles/bigquery.readSessionUser)",
}
_VIEWER = "BigQuery Data Viewer (roles/bigquery.dataViewer)"
_HINTS = (
    ("without a filter over", "Give row_filter=… with a condition on the column by which the table is partitioned"),
    ("row filter", 'row_filter is a condition of SQL on the table\'s own columns, such as row_filter="year = 2013"'),
    ("snapshot time", "A table can be read as it was in the last 7 days, or fewer where its dataset says so"),
    ("bytes billed", "Raise maximum_bytes_billed, or let the query read less: fewer columns, or a partition's filter"),
    ("not found in location", 'Say where the data lies, as in location="EU"'),
)
"""What to do about a message that holds some words."""


class BigQueryError(DataError):
    """BigQuery refused a call.

    Args:
        code: of HTTP.
        said: its message.
        problem: what that means, and the mend.
    """

    def __init__(self, code: int, said: str, problem: Problem) -> None:
        super().__init__(problem)
        self.code, self.said = code, said


def told(error: RefusedError, place: str) -> BigQueryError:
    """Return the error of a call that was refused.

    Args:
        error: as any service of Google's gives it.
        place: what to call what was read.
    """
    said = _URL.sub("", str(getattr(error.__cause__, "message", "") or "")).removeprefix("request failed: ")
    return BigQueryError(error.code, said, _problem(error, said, place))


def _problem(error: RefusedError, said: str, place: str) -> Problem:
    permission = _PERMISSION.search(said)
    if error.code == 403 and permission:
        found = _ON.search(said)
        on = f" on {found[1].rstrip(' .')}" if found else ""
        role = _ROLES.get(permission[0], _VIEWER)
        return Problem(f"the credentials lack the permission {permission[0]}{on}", place, f"Grant them the role {role}")
    if error.code not in (400, 404, 412):
        return Problem(error.problems[0].what, place, error.problems[0].mend)
    position = _POSITION.search(said)
    where = f"{place}, line {position[1]}, column {position[2]}" if position else place
    mend = next((mend for word, mend in _HINTS if word in said.lower()), "")
    return Problem(f"BigQuery says: {_POSITION.sub('', said).rstrip('.')}", where, mend)
