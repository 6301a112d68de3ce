from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from zenml.artifacts.store import ArtifactStore
from zenml.spec.model import RunSpec
from zenml_aws.artifact_store import S3ArtifactStore
from zenml_aws.ec2.backend import OrchestratorAWSBackend

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


STORE, *OTHERS = README.split("\n## ")
(EC2,) = (text for text in OTHERS if text.startswith("Pipelines on EC2"))


def snippets(language: str, section: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def options(section: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_python_of_the_readme_makes_stores() -> None:
    given: dict[str, Any] = {}
    names: dict[str, Any] = {"pipeline": SimpleNamespace(run=given.update)}
    for text in snippets("python", STORE):
        exec(text, names)
    assert given["artifact_store"] == ArtifactStore("s3://bucket/folder")
    assert isinstance(names["store"], S3ArtifactStore)


def test_the_yaml_of_the_readme_names_a_store() -> None:
    (text,) = snippets("yaml", STORE)
    written = RunSpec(**yaml.safe_load(text)["run"]).artifact_store
    assert written is not None
    assert isinstance(ArtifactStore.from_spec(written), S3ArtifactStore)


def test_the_readme_tells_every_option_of_a_store() -> None:
    told = options(STORE)
    assert told == set(S3ArtifactStore.model_fields) - {"path"}
    on_command_line = re.findall(r" --([a-z][a-z-]*)", STORE)
    assert {name.replace("-", "_") for name in on_command_line} <= told


def test_the_python_of_the_readme_runs_a_pipeline_on_ec2() -> None:
    given: dict[str, Any] = {}
    names: dict[str, Any] = {"metadata_store": None, "artifact_store": None}
    (text,) = snippets("python", EC2)
    exec(text, {**names, "training_pipeline": SimpleNamespace(run=given.update)})
    assert isinstance(given["backend"], OrchestratorAWSBackend)
    assert given["backend"].spot


def test_the_yaml_of_the_readme_names_a_backend_on_ec2() -> None:
    (text,) = snippets("yaml", EC2)
    written = RunSpec(**yaml.safe_load(text)["run"]).backend
    assert written is not None
    assert OrchestratorAWSBackend.from_config(written.model_dump()) == OrchestratorAWSBackend(**written.config)


def test_the_readme_tells_every_option_of_a_backend_on_ec2() -> None:
    assert options(EC2) == set(OrchestratorAWSBackend.model_fields)
