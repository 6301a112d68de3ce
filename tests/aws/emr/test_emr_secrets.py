"""What is secret of a run stays with the client: nothing that EMR and its machines see holds any of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest
from database_servers import PASSWORD, DatabaseServer, mariadb
from emr_double import EmrDouble
from emr_jobs import Make
from metadata_databases import config_of, new_database
from planted_secrets import WATCHED_STEP, Planted, command_lines, files_below, objects_in

from zenml.datasources import CSVDatasource
from zenml.metadata import MySQLMetadataStore
from zenml.metadata.records import State
from zenml.pipelines import DataPipeline
from zenml.repo import Repository
from zenml.testing.emulators import make_s3_bucket
from zenml_aws.artifact_store import S3ArtifactStore

pytestmark = pytest.mark.xdist_group("emr")

STORE_KEY, OWN_KEY = "planted-key-of-the-store-1729", "planted-key-of-the-user-1729"
_PATIENCE = 300.0


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    """A running MariaDB."""
    with mariadb() as started:
        yield started


@pytest.fixture
def metadata(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MySQLMetadataStore]:
    """A store in a new database, whose password only the client knows."""
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    with new_database(server) as name:
        yield MySQLMetadataStore(**config_of(server, name))


@pytest.fixture
def artifacts(s3: str, signed_in: None, monkeypatch: pytest.MonkeyPatch) -> S3ArtifactStore:
    """A store in a new bucket, with keys by reference, which only the client knows."""
    monkeypatch.setenv("STORE_ACCESS_KEY", "test-access-key")
    monkeypatch.setenv("STORE_SECRET_KEY", STORE_KEY)
    make_s3_bucket(s3, bucket := f"artifacts-{token_hex(6)}")
    keys = {"access_key": "env:STORE_ACCESS_KEY", "secret_key": "env:STORE_SECRET_KEY"}
    return S3ArtifactStore(path=f"s3://{bucket}/dir", endpoint_url=s3, **keys)


@pytest.mark.parametrize("place", ["serverless", "cluster"])
def test_a_planted_secret_reaches_neither_emr_nor_its_machines(
    place: str,
    emr: EmrDouble,
    make: Make,
    metadata: MySQLMetadataStore,
    artifacts: S3ArtifactStore,
    staging: str,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OWN_KEY)
    planted = Planted(PASSWORD, STORE_KEY, OWN_KEY)
    engine = make(cluster_id=emr.clusters.add(logs=f"{staging}/cluster-logs")) if place == "cluster" else make()
    (project / "watched.py").write_text(WATCHED_STEP)
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (gate := tmp_path / "gate").mkdir()
    monkeypatch.syspath_prepend(project)
    from watched import WatchedSplit

    pipeline = DataPipeline(name="Planted").add_datasource(CSVDatasource(name="Table", path="table.csv"))
    pipeline.add_step(WatchedSplit(gate=str(gate)).with_backend(engine), id="split")

    def amid() -> list[bytes]:
        """Return all that can be seen while a machine is at work."""
        try:
            until = time.monotonic() + _PATIENCE
            while not (gate / "told").exists() and time.monotonic() < until:
                time.sleep(0.02)
            seen = [*command_lines(), *objects_in(engine.staging), (gate / "told").read_bytes()]
            return [*seen, *files_below(emr.host.folder)]
        finally:
            (gate / "open").touch()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(amid)
        run = pipeline.run(metadata_store=metadata, artifact_store=artifacts)
    assert (run.state, run.metrics) == (State.COMPLETE, {"rows": 20.0})
    assert metadata.get_run(run.id) is not None
    seen = looking.result()
    assert b'"environment"' in b"".join(seen)
    assert any(b"shards/" in text for text in seen)
    assert planted.seen_in(seen) == []

    assert emr.calls
    assert planted.seen_in([json.dumps(emr.calls)]) == []
    assert planted.seen_in([*objects_in(engine.staging), *objects_in(artifacts), *files_below(project)]) == []
    assert planted.seen_in(capfd.readouterr()) == []
    assert {name.partition("/")[0] for name in engine.staging.transport.sizes("")} <= {"emr", "logs", "cluster-logs"}
    assert emr.serverless.live() == emr.clusters.live() == []
    assert {row.state for row in emr.serverless.applications.values()} <= {"TERMINATED"}
    assert engine.list_runs() == Repository.get_instance().garbage(older_than=0).find() == []
