"""Leftovers in a bucket are found and removed as those in a folder are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zenml.artifacts.types import Evaluation
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import RunRecord, State
from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.repo.garbage import Garbage
from zenml.runtime.identifiers import new_run_id
from zenml_aws.artifact_store import S3ArtifactStore


def test_what_no_run_refers_to_is_removed(
    store_at: Callable[[str], S3ArtifactStore], bucket: str, tmp_path: Path
) -> None:
    store, metadata, run = store_at(f"s3://{bucket}/dir"), SQLiteMetadataStore(path=str(tmp_path / "db")), new_run_id()
    metadata.start_run(RunRecord(run, "Table", "", this_owner(), State.RUNNING))
    new = store.new(Evaluation, "sha256:" + "0" * 64, f"{run}-1")
    (new.path / "numbers.txt").write_text("12345")
    uri = store.publish(new).uri
    store.write_bytes(f"Examples/{'1' * 64}/{run}-1/all/shard-00000.arrow", b"123")
    store.write_bytes(f"runs/{run}/logs/data/001/000001.txt", b"read")
    garbage = Garbage(metadata, store, tmp_path, grace=0.0)
    assert garbage.find() == []
    metadata.end_run(run, state=State.FAILED, error="no")
    assert sorted((row.kind, row.size > 0) for row in garbage.find()) == [("artifact", True), ("attempt", True)]
    assert len(garbage.delete()) == 2
    assert garbage.find() == []
    assert not store.exists(uri)
    assert store.list("runs") == [f"runs/{run}/logs/data/001/000001.txt"]
