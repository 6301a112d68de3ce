"""Every kind of data step on every engine: each file has the bytes that work in this process gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.testing.processing_backend import run_step

if TYPE_CHECKING:
    from data_steps import Cases

FEW = (
    "domain-split",
    "ratio-split-of-rows",
    "key-split",
    "time-split-by-shares",
    "sequencer",
    "preprocesser-of-groups",
)
"""Cases for an engine that starts many processes: one for each way of working; datasources have tests of their own."""


@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("engine", ["beam", "spark"], indirect=True)
def test_a_cluster_engine_changes_no_byte(engine: ProcessingBackend, case: str, cases: Cases, tmp_path: Path) -> None:
    compare(engine, case, cases, tmp_path)


@pytest.mark.parametrize("case", FEW)
@pytest.mark.parametrize("engine", ["hostile"], indirect=True)
def test_disorder_changes_no_byte(engine: ProcessingBackend, case: str, cases: Cases, tmp_path: Path) -> None:
    compare(engine, case, cases, tmp_path)


def test_machines_that_share_a_bucket_only_change_no_byte(
    case: str, cases: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remote_in_hiding import RemoteInHiding

    monkeypatch.setattr(RemoteInHiding, "HIDDEN", [cases.folder, tmp_path / "there"])
    compare(RemoteInHiding(staging_location=str(tmp_path / "bucket")), case, cases, tmp_path)
    assert not list((tmp_path / "bucket").rglob("*"))


def compare(engine: ProcessingBackend, case: str, cases: Cases, folder: Path) -> None:
    here = run_step(cases.step(case), cases.inputs(case), folder / "here")
    there = run_step(cases.step(case), cases.inputs(case), folder / "there", engine)
    assert there.files() == here.files()
    assert there.properties == here.properties
