"""What one user ran, another one lists, compares, lets go on and runs again: in another clone, from another home.

They share a git repository, a database server and a bucket, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from clones import Clone, make_origin
from database_servers import DatabaseServer
from metadata_databases import new_database

from zenml.testing.emulators import make_s3_bucket

pytestmark = pytest.mark.xdist_group("mariadb")

MARK = "planted-"
PASSWORD = f"{MARK}passw0rd/é:'@"
KEYS = {"CLINIC_ACCESS_KEY": f"{MARK}access-key", "CLINIC_SECRET_KEY": f"{MARK}secret-key"}
STEPS = ["data", "split", "preprocesser", "trainer", "evaluator"]


@pytest.fixture
def database(mariadb_server: DatabaseServer) -> Iterator[list[str]]:
    """The options that name a database whose user has the planted password."""
    word = PASSWORD.replace("'", "''")
    with new_database(mariadb_server) as name:
        user = f"{name}@'127.0.0.1'"
        mariadb_server.run(f"CREATE USER {user} IDENTIFIED BY '{word}'; GRANT ALL ON {name}.* TO {user};")
        yield ["--host", "127.0.0.1", "--port", str(mariadb_server.port), "--username", name, "--database", name]
        mariadb_server.run(f"DROP USER {user};")


@pytest.fixture
def bucket(s3: str) -> list[str]:
    """The words that name a store in a new bucket."""
    name = f"clinic-{token_hex(6)}"
    make_s3_bucket(s3, name)
    keys = ["--access-key", "env:CLINIC_ACCESS_KEY", "--secret-key", "env:CLINIC_SECRET_KEY"]
    return [f"s3://{name}/shared", "--endpoint-url", s3, *keys]


def sharper(clone: Clone, sharpness: float) -> str:
    """Write the pipeline with another hyper-parameter; return the file's name."""
    name = f"sharpness-{sharpness}.yaml"
    text = (clone.folder / "clinic.yaml").read_text()
    (clone.folder / name).write_text(text.replace("sharpness: 1.0", f"sharpness: {sharpness}"))
    return name


def kill_in_the_trainer(clone: Clone, file: str) -> None:
    flag = clone.home / "trainer-waits"
    process = clone.start("pipeline", "run", file, CLINIC_WAITS=str(flag))
    while not flag.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()


def states(run: dict[str, Any]) -> list[str]:
    return [step["state"] for step in run["steps"]]


def digests(run: dict[str, Any]) -> dict[str, str]:
    return {f"{step['id']}.{row['name']}": row["digest"] for step in run["steps"] for row in step["outputs"]}


def test_another_user_goes_on_where_one_stopped(
    tmp_path: Path, diabetes: Path, database: list[str], bucket: list[str], mariadb_server: DatabaseServer
) -> None:
    origin = make_origin(tmp_path / "origin", diabetes)
    anna = Clone(origin, tmp_path / "anna", "work", **KEYS)
    anna.zenml("init")
    anna.zenml("config", "metadata", "set", "mysql", *database, "--passwd", "-", stdin=f"{PASSWORD}\n")
    anna.zenml("config", "artifacts", "set", *bucket)
    first = anna.json("pipeline", "run", "clinic.yaml")
    assert states(first) == ["COMPLETE"] * 5
    second = anna.json("pipeline", "run", sharper(anna, 2.0))
    assert states(second) == ["CACHED"] * 3 + ["COMPLETE"] * 2
    said = anna.zenml("pipeline", "run", sharper(anna, 3.0), code=1, CLINIC_BREAKS="1")
    assert said.endswith("Error: step trainer: the licence server is down\n")
    kill_in_the_trainer(anna, sharper(anna, 4.0))

    ben = Clone(origin, tmp_path / "ben", "projects/clinic", **KEYS)
    ben.zenml("init")
    ben.zenml("secret", "set", "clinic.password", "-", stdin=f"{PASSWORD}\n")
    ben.zenml("config", "metadata", "set", "mysql", *database, "--passwd", "secret:clinic.password")
    ben.zenml("config", "artifacts", "set", *bucket)
    rows = ben.json("run", "list")
    assert [row["state"] for row in rows] == ["LOST", "FAILED", "COMPLETE", "COMPLETE"]
    killed, failed = (row["id"] for row in rows[:2])
    assert [row["id"] for row in rows[2:]] == [second["id"], first["id"]]
    look_back(ben, first, second, failed, killed)
    what_is_missing_is_named(ben)
    go_on(ben, first, failed, killed)
    run_again(ben, anna, first)
    assert nothing_planted(anna, ben, mariadb_server, database[-1], bucket) == []


def look_back(ben: Clone, first: dict[str, Any], second: dict[str, Any], failed: str, killed: str) -> None:
    """See what the other user ran."""
    found = ben.json("run", "get", first["id"])
    assert {name: found[name] for name in first} == first
    assert ben.zenml("run", "logs", first["id"]) == "trainer | looking for the centres\n"
    page = ben.home / "page.html"
    compared = ben.json("pipeline", "compare", "--html", str(page))
    assert [row["id"] for row in compared["runs"]] == [killed, failed, second["id"], first["id"]]
    assert [row["metrics"] for row in compared["runs"]] == [{}, {}, second["metrics"], first["metrics"]]
    assert set(first["metrics"]) == {"rows", "accuracy", "log_loss"}
    assert set(compared["differing"]) == {"trainer.sharpness", "code.uncommitted"}
    text = page.read_text()
    assert text.rstrip().endswith("</html>")
    assert all(row["id"] in text for row in compared["runs"])
    program = f"""
import json
from zenml.pipelines import Pipeline
from zenml.repo import Repository
repo = Repository.get_instance()
pipeline = Pipeline.from_run("{failed}")
model = repo.get_run("{second["id"]}").steps["trainer"].outputs["model"]
lineage = repo.get_lineage(model.uri)
print(json.dumps({{
    "compared": repo.compare_training_runs().to_json(),
    "steps": {{name: type(step).__module__ for name, step in pipeline.steps.items()}},
    "sharpness": pipeline.steps["trainer"].sharpness,
    "model": json.loads((model.path / "model/centres.json").read_text())["sharpness"],
    "upstream": [step.record.id for step in lineage.upstream],
    "downstream": [step.record.id for step in lineage.downstream],
}}))
"""
    found = ben.python(program)
    assert found["compared"] == compared
    assert list(found["steps"]) == STEPS
    assert found["steps"]["trainer"] == "clinic.trainer"
    assert (found["sharpness"], found["model"]) == (3.0, 2.0)
    assert (found["upstream"], found["downstream"]) == (["data", "split", "preprocesser", "trainer"], ["evaluator"])
    uri = first["steps"][2]["outputs"][0]["uri"]
    lineage = ben.json("artifact", "lineage", uri)
    assert lineage["artifact"] == first["steps"][2]["outputs"][0]
    assert [step["step"] for step in lineage["upstream"]] == ["data", "split", "preprocesser"]
    assert {run for step in lineage["downstream"] for run in step["runs"]} == {
        first["id"],
        second["id"],
        failed,
        killed,
    }


def what_is_missing_is_named(ben: Clone) -> None:
    """See what is said without the secrets: which one is missing, and what to do."""
    mine = ben.environment.pop("CLINIC_SECRET_KEY")
    said = ben.zenml("pipeline", "run", "clinic.yaml", code=2)
    assert said == (
        "Error: the secret env:CLINIC_SECRET_KEY resolves to nothing: the environment variable CLINIC_SECRET_KEY "
        "is not set. Did you mean CLINIC_ACCESS_KEY?\n"
    )
    assert len(ben.json("run", "list")) == 4
    ben.environment["CLINIC_SECRET_KEY"] = mine
    file = ben.folder / ".zenml/secrets.yaml"
    file.rename(ben.home / "kept")
    said = ben.zenml("run", "list", code=2)
    assert said == (
        f"Error: the secret secret:clinic.password resolves to nothing: {file} has no such entry. "
        "Give it a value: zenml secret set clinic.password\n"
    )
    (ben.home / "kept").rename(file)


def go_on(ben: Clone, first: dict[str, Any], failed: str, killed: str) -> None:
    """Serve from the cache what is there already, and let go on what stopped."""
    again = ben.json("pipeline", "run", "clinic.yaml")
    assert states(again) == ["CACHED"] * 5
    assert digests(again) == digests(first)
    assert again["metrics"] == first["metrics"]
    for run in (failed, killed):
        after = ben.json("run", "resume", run)
        assert (after["id"], after["state"]) == (run, "COMPLETE")
        assert states(after) == ["CACHED"] * 3 + ["COMPLETE"] * 2
        assert [step["outputs"] for step in after["steps"][:3]] == [step["outputs"] for step in first["steps"][:3]]
        assert set(after["metrics"]) == set(first["metrics"])


def run_again(ben: Clone, anna: Clone, first: dict[str, Any]) -> None:
    """Run every step anew; be told what differs."""
    folders = {"what": "repository folder", "then": str(anna.folder), "now": str(ben.folder)}
    found = ben.json("run", "reproduce", first["id"], "--no-cache")
    assert found["differences"] == [folders]
    assert found["outputs"] == dict.fromkeys(digests(first), True)
    run = ben.json("run", "get", found["run"])
    assert states(run) == ["COMPLETE"] * 5
    assert digests(run) == digests(first)
    assert run["metrics"] == first["metrics"]


def nothing_planted(anna: Clone, ben: Clone, server: DatabaseServer, database: str, bucket: list[str]) -> list[str]:
    """Return where a password or key is that is kept in the users' own secrets files only."""
    import boto3

    secrets = [user.folder / ".zenml/secrets.yaml" for user in (anna, ben)]
    assert [file.stat().st_mode & 0o777 for file in secrets] == [0o600, 0o600]
    assert all(MARK in file.read_text() for file in secrets)
    found = [str(file) for user in (anna, ben) for file in user.files_with(MARK) if file not in secrets]
    found += [user.home.name for user in (anna, ben) if MARK in user.said]
    tables = server.run("SHOW TABLES;", database).split()
    rows = server.run("".join(f"SELECT * FROM `{table}`;" for table in tables), database)
    assert "Clinic" in rows
    found += [row for row in rows.splitlines() if MARK in row]
    service = boto3.client(
        "s3", endpoint_url=bucket[2], region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    name = bucket[0].split("/")[2]
    for page in service.get_paginator("list_objects_v2").paginate(Bucket=name):
        for row in page["Contents"]:
            body = service.get_object(Bucket=name, Key=row["Key"])["Body"].read()
            found += [row["Key"]] if MARK.encode() in body or MARK in row["Key"] else []
    service.close()
    return found
