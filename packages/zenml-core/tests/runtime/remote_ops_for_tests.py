"""Operations for the tests of remote shard jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from zenml.data.shards import ShardOp, State, atomic_file


class Copy(ShardOp):
    """Copies the files of a shard in upper case, notes into a second folder, and tells what else it was given."""

    READS: ClassVar[tuple[str, ...]] = ("file", "table", "deep.folder")
    WRITES: ClassVar[tuple[str, ...]] = ("notes",)
    made: ClassVar[int] = 0

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        super().__init__(params, out)
        type(self).made += 1

    def work(self, shard: Mapping[str, Any]) -> State:
        file = Path(shard["file"])
        text = file.read_text().upper()
        with atomic_file(self.out / "copies" / f"{shard['n']}-{file.name}") as copy:
            copy.write(text.encode())
        with atomic_file(Path(self.params["notes"]) / f"note-{shard['n']}") as note:
            note.write(str(shard["n"]).encode())
        folder = self.params["deep"]["folder"]
        inside = {path.name: path.read_text() for path in sorted(Path(folder).rglob("*")) if path.is_file()}
        return {"text": text, "inside": inside, "word": self.params["word"], "table": shard.get("table")}


class Break(ShardOp):
    """Raises an error that names the shard's file, for some shards."""

    def work(self, shard: Mapping[str, Any]) -> State:
        if shard["breaks"]:
            raise ValueError(f"cannot read {shard['file']}, nor write {self.out}")
        return {}
