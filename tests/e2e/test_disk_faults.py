"""A disk that fails at any write: the run is FAILED, nothing half-written shows, and the next run is clean."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from zenml.datasources import CSVDatasource
from zenml.errors import RunFailed, ZenMLError
from zenml.pipelines import DataPipeline
from zenml.repo import ArtifactStore, Repository
from zenml.steps.split import RandomSplit
from zenml.testing.faults import failing_writes


def pipeline() -> DataPipeline:
    made = DataPipeline(name="Disk")
    made.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    made.add_step(RandomSplit(split_map={"train": 0.5, "eval": 0.5}), id="split")
    return made


@pytest.fixture
def table(project: Path) -> Path:
    path = project / "table.csv"
    path.write_text("a,b\n" + "".join(f"{n},x{n % 3}\n" for n in range(40)))
    return path


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
def test_each_failing_operation_fails_the_run_and_the_next_is_clean(project: Path, table: Path, error: int) -> None:
    store = project / "store"
    with failing_writes(store) as calls:
        pipeline().run(artifact_store=str(store))
    assert len(calls) > 20
    for number in range(1, len(calls) + 1):
        shutil.rmtree(store)
        shutil.rmtree(project / ".zenml")
        (project / ".zenml").mkdir()
        with failing_writes(store, at=number, error=error) as done:
            try:
                pipeline().run(artifact_store=str(store))
            except RunFailed as failure:
                assert os.strerror(error) in str(failure), done[-1]  # noqa: PT017 - what passes is checked below
            else:
                assert done[number - 1].startswith("mkdir"), f"{done[number - 1]} failed, and nobody minded"
                continue  # the folder was there already
        (failed,) = Repository.get_instance().get_runs()
        assert failed.state == "FAILED", calls[number - 1]
        for step in failed.steps.values():
            assert bool(step.outputs) == (step.state == "COMPLETE"), calls[number - 1]
        run = pipeline().run(artifact_store=str(store))
        assert run.state == "COMPLETE"
        kept = ArtifactStore(str(store))
        attempts = {path.parent for path in store.rglob("*") if path.is_file() and path.parent.name.startswith("r")}
        for folder in attempts:
            assert (folder / "manifest.json").exists(), f"{calls[number - 1]} left {folder}"
            kept.verify(kept.open(str(folder)))


def mounted(folder: Path, *options: str) -> bool:
    """Mount a tmpfs on a folder, where this user may; say whether it worked."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    return (
        shutil.which("mount") is not None and not subprocess.run(command, capture_output=True, check=False).returncode
    )


@pytest.mark.parametrize(("options", "reason"), [("size=64k", "No space left"), ("ro", "Read-only file system")])
def test_a_real_small_or_read_only_disk(project: Path, table: Path, options: str, reason: str) -> None:
    disk = project / "disk"
    if not mounted(disk, "-o", options):
        pytest.skip("this user may not mount a tmpfs")
    try:
        table.write_text("a,b\n" + "".join(f"{n},x{n}\n" for n in range(20_000)))
        with pytest.raises(ZenMLError, match=reason):
            pipeline().run(artifact_store=str(disk / "store"))
        (failed,) = Repository.get_instance().get_runs()
        assert failed.state == "FAILED"
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    run = pipeline().run(artifact_store=str(disk / "store"))
    assert run.state == "COMPLETE"
