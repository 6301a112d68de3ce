"""Bad rows: what becomes of the rows of a source that cannot be read, as the user says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.shards import State
from zenml.data.source_files import SourceFile
from zenml.data.tables.problems import changed_files, shard_problems
from zenml.data.tables.quarantine import SCHEMA, QuarantineWriter, number_rows, quarantine_writer, short_names
from zenml.errors import DataError, Problem

_MEND = "Mend them, or raise max_bad_share if so many may be left out"


@dataclass(frozen=True)
class BadRowRule:
    """What is to become of bad rows.

    Args:
        action: to `error` out at the first, to `skip` them, or to keep them in `quarantine`, away from the others.
        max_share: how many of a source's rows may be bad before that is an error.
    """

    action: Literal["error", "skip", "quarantine"] = "error"
    max_share: float = 0.05

    @property
    def drops(self) -> bool:
        """Say whether bad rows may be left out."""
        return self.action != "error"

    def to_params(self, scratch: Path, files: Sequence[SourceFile]) -> dict[str, Any]:
        """Return what `left_out_rows` needs to know.

        Args:
            scratch: a folder for what the shards set aside.
            files: the source's files.
        """
        keep = self.action == "quarantine"
        names = short_names(file.place for file in files) if keep else {}
        return {
            "drop": self.drops,
            "keep": str(scratch) if keep else "",
            "names": names,
        }


REFUSE = BadRowRule()
"""Any bad row is an error."""


@dataclass
class LeftOutRows:
    """The bad rows of one shard: counted by reason, and kept where that is asked for.

    Args:
        drop: whether rows may be left out at all.
        file: what to call the shard's file.
        writer: takes the rows.
    """

    drop: bool
    file: str = ""
    writer: QuarantineWriter | None = None
    rows: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def keep(self) -> bool:
        """Say whether the text of the rows is wanted."""
        return self.writer is not None

    def add(self, batch: pa.RecordBatch) -> None:
        """Note rows: a batch of the columns of a quarantine but the file, in the order of rows, which count from 1."""
        self.rows += batch.num_rows
        for counted in pc.value_counts(batch.column("reason")).to_pylist():
            self.reasons[counted["values"]] = self.reasons.get(counted["values"], 0) + counted["counts"]
        if self.writer is not None and batch.num_rows:
            files = pa.repeat(pa.scalar(self.file), batch.num_rows)
            self.writer.write(
                pa.RecordBatch.from_arrays([files, *batch.select(SCHEMA.names[1:]).columns], schema=SCHEMA)
            )

    def to_state(self) -> State:
        """Return what `leave_out` folds."""
        return {"rows": self.rows, "reasons": self.reasons}


def bad_rows(rows: Any, columns: Any, reasons: Any, texts: Any) -> pa.RecordBatch:
    """Return a batch for `LeftOutRows.add`, from arrays or lists; `texts` is None where they are not wanted."""
    count = len(rows)
    arrays = [
        pa.array(rows, pa.int64()),
        pa.nulls(count, pa.string()) if columns is None else pa.array(columns, pa.string()),
        pa.array(reasons, pa.string()),
        pa.nulls(count, pa.binary()) if texts is None else pa.array(texts, pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([SCHEMA.field(name) for name in SCHEMA.names[1:]]))


@contextmanager
def left_out_rows(params: Mapping[str, Any], shard: Mapping[str, Any]) -> Iterator[LeftOutRows]:
    """Collect the bad rows of a shard; `params` are those of `BadRowRule.to_params`."""
    keeping = quarantine_writer(Path(params["keep"]), shard["number"]) if params["keep"] else nullcontext()
    with keeping as writer:
        yield LeftOutRows(params["drop"], params["names"].get(SourceFile(**shard["file"]).place, ""), writer)


def check_rows(
    rule: BadRowRule, files: Sequence[SourceFile], shards: Sequence[Mapping[str, Any]], states: Sequence[State]
) -> None:
    """Raise a DataError with what is wrong with the files, and with their rows where no row may be left out."""
    problems = changed_files(files)
    faults = any(state.get("findings", {}).get(fault) for state in states for fault in ("changed", "failed"))
    if not problems and (faults or not rule.drops):
        problems = shard_problems(files, shards, states)
    if problems:
        raise DataError(problems)


def leave_out(
    rule: BadRowRule,
    files: Sequence[SourceFile],
    shards: Sequence[Mapping[str, Any]],
    states: Sequence[State],
    out: Path,
    scratch: Path,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Fold the bad rows of written shards, and return what the manifest says of them; empty where none may be.

    Args:
        rule: what is to become of them.
        files: the source's files.
        shards: the shards that were written.
        states: what they left.
        out: the snapshot's folder, which gets the quarantine.
        scratch: the folder that the shards set their bad rows aside in.
        warn: tells the user how many there are.

    Raises:
        DataError: too many rows are bad, or all are.
    """
    if not rule.drops:
        return {}
    reasons: dict[str, int] = {}
    for state in states:
        for reason, count in state.get("left_out", {}).get("reasons", {}).items():
            reasons[reason] = reasons.get(reason, 0) + count
    reasons = dict(sorted(reasons.items(), key=lambda row: (-row[1], row[0])))
    counts = [state.get("left_out", {}).get("rows", 0) for state in states]
    bad, total = sum(counts), sum(counts) + sum(state["rows"] for state in states)
    found: dict[str, Any] = {"rows": bad, "share": bad / total if total else 0.0, "reasons": reasons}
    if bad:
        told = "; ".join(f"{count} {reason}" for reason, count in reasons.items())
        what = f"{bad} of {total} rows ({found['share']:.2%}) are bad ({told})"
        problems = shard_problems(files, shards, states)
        if bad == total or bad > rule.max_share * total:
            limit = "" if bad == total else f", and max_bad_share allows {rule.max_share:.2%}"
            where = files[0].place if len(files) == 1 else ""
            raise DataError([Problem(f"{what}{limit}", where, _MEND if limit else ""), *problems])
        kept = "kept in the snapshot's quarantine" if rule.action == "quarantine" else "left out"
        warn(f"{what} and were {kept}; the first: {problems[0].where}: {problems[0].what}")
    if rule.action == "quarantine":
        found["quarantine"] = counts
        before = {file.url: 0 for file in files}
        for number, (shard, state, count) in enumerate(zip(shards, states, counts, strict=True)):
            url = shard["file"]["url"]
            if count:
                number_rows(scratch, out, number, before[url])
            before[url] += state["rows"] + count
    return found
