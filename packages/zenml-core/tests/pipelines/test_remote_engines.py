"""Runs whose data steps work in fresh processes that share a bucket with this one, and nothing else."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.datasources import CSVDatasource
from zenml.errors import RunFailed
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import Owner, RunRecord, State
from zenml.pipelines import DataPipeline, Pipeline
from zenml.repo import Repository
from zenml.runtime.engines import FACT
from zenml.runtime.identifiers import new_run_id
from zenml.steps.split import RandomSplit
from zenml.testing.remote_engine import FreshProcessBackend

OWN = """
from zenml.data.shards import ShardJob, ShardOp
from zenml.data.snapshot import Snapshot, shard_batches
from zenml.steps.split import NoSplit
from own_helpers.adding import add


class Count(ShardOp):
    def work(self, shard):
        from own_helpers import lately  # imported where it is used

        return {"rows": add(lately.ONE, *(batch.num_rows for batch in shard_batches(shard["file"])))}


class Counting(NoSplit):
    def run(self, context):
        super().run(context)
        shards = Snapshot.of(context.inputs["examples"]).shard_rows()
        job = ShardJob("own_counting:Count", shards, str(context.scratch), {}, "count rows")
        context.metrics["rows"] = float(sum(state["rows"] for state in context.run_job(job)))
"""


@pytest.fixture
def own(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with data, and with a step and an operation of its own."""
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (project / "own_counting.py").write_text(OWN)
    helpers = project / "own_helpers"
    helpers.mkdir()
    (helpers / "__init__.py").touch()
    (helpers / "adding.py").write_text("def add(*numbers):\n    return sum(numbers)\n")
    (helpers / "lately.py").write_text("ONE = 1\n")
    monkeypatch.syspath_prepend(project)
    yield project
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


def table() -> CSVDatasource:
    return CSVDatasource(name="Table", path="table.csv")


def test_a_step_of_the_user_s_own_works_in_fresh_processes(own: Path, bucket: Path) -> None:
    from own_counting import Counting

    engine = FreshProcessBackend(staging_location=str(bucket), twice=True)
    run = DataPipeline(name="Counted").add_datasource(table()).add_step(Counting().with_backend(engine), id="c").run()
    assert run.metrics == {"rows": 21.0}
    assert not list(bucket.rglob("*"))
    assert FACT in run.record.facts


def test_code_that_cannot_be_had_there_is_told(own: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from own_counting import Counting

    (own / ".zenmlignore").write_text("own_helpers/adding.py\n")
    engine = FreshProcessBackend(staging_location=str(bucket))
    pipeline = DataPipeline(name="Counted").add_datasource(table()).add_step(Counting().with_backend(engine), id="c")
    with pytest.raises(RunFailed, match=r"No module named 'own_helpers.adding'"):
        pipeline.run()
    assert not list(bucket.rglob("*"))


def test_bytes_are_those_of_work_here_and_a_cached_run_asks_no_engine(own: Path, bucket: Path) -> None:
    engine = FreshProcessBackend(staging_location=str(bucket))
    there = DataPipeline(name="There").add_datasource(table()).add_step(RandomSplit().with_backend(engine), id="s")
    run = there.run(artifact_store="else")
    here = DataPipeline(name="Here").add_datasource(table()).add_step(RandomSplit(), id="s").run()
    assert here.steps["s"].outputs["examples"].digest == run.steps["s"].outputs["examples"].digest
    shutil.rmtree(bucket, ignore_errors=True)
    bucket.write_text("no folder any more")  # whatever asked the engine now would fail
    again = there.run(artifact_store="else")
    assert [str(step.state) for step in again.steps.values()] == ["CACHED", "CACHED"]


def test_what_a_killed_run_staged_is_found_and_removed(own: Path, bucket: Path) -> None:
    repo = Repository.get_instance()
    engine = FreshProcessBackend(staging_location=str(bucket))
    store = ArtifactStore(str(bucket))
    killed, going_on, unknown = (new_run_id() for _ in range(3))
    for run_id, owner in ((killed, Owner(this_owner().host, 2**22 + 1, 1.0)), (going_on, this_owner())):
        facts = {FACT: json.dumps([engine.to_config()])}
        repo.metadata_store.start_run(RunRecord(run_id, "Killed", "", owner, State.RUNNING, facts=facts))
    for run_id in (killed, going_on, unknown):
        store.write_bytes(f"shards/{run_id}/pieces/x", b"x")
    rows = repo.garbage(older_than=0).find()
    assert [(row.kind, row.run) for row in rows] == [("resources", killed)]
    assert f"files/{bucket}/shards/{killed}" in rows[0].uri
    repo.garbage(older_than=0).delete()
    assert store.list("shards") == sorted(f"shards/{run_id}/pieces/x" for run_id in (going_on, unknown))
    assert {row.run for row in repo.garbage(older_than=0, unknown_runs=True).find()} == {unknown}


def test_a_step_pinned_to_a_commit_works_elsewhere_as_it_was_there(
    own: Path, bucket: Path, git: Callable[..., str]
) -> None:
    git(own, "init", "--quiet")
    (own / ".gitignore").write_text(".zenml/\n")
    git(own, "add", ".")
    git(own, "commit", "--quiet", "-m", "first")
    commit = git(own, "rev-parse", "HEAD")
    (own / "own_helpers" / "adding.py").write_text("def add(*numbers):\n    return 100 * sum(numbers)\n")
    engine = FreshProcessBackend(staging_location=str(bucket)).to_config()
    table = {"id": "data", "type": "CSVDatasource", "config": {"name": "Table", "path": "table.csv"}}
    inputs = {"examples": "data.examples"}
    step = {"id": "c", "type": f"own_counting:Counting@{commit}", "inputs": inputs, "backend": engine}
    (own / "pinned.yaml").write_text(
        json.dumps({"zenml": 1, "type": "DataPipeline", "name": "Pinned", "steps": [table, step]})
    )
    run = Pipeline.from_yaml(own / "pinned.yaml").run()
    assert run.metrics == {"rows": 21.0}
    assert not list(bucket.rglob("*"))
