from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from zenml.artifacts.store import ArtifactStore
from zenml.spec.model import RunSpec
from zenml_gcp.artifact_store import GCSArtifactStore
from zenml_gcp.vertex.replicated import TrainingGCAIPBackend
from zenml_gcp.vertex.single_gpu import SingleGPUTrainingGCAIPBackend
from zenml_gcp.vm.backend import OrchestratorGCPBackend

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_of_the_readme_makes_stores() -> None:
    given: dict[str, Any] = {}
    names: dict[str, Any] = {"pipeline": SimpleNamespace(run=given.update)}
    for text in snippets("python"):
        exec(text, names)
    assert given["artifact_store"] == ArtifactStore("gs://bucket/folder")
    assert isinstance(names["store"], GCSArtifactStore)
    assert isinstance(given["backend"], OrchestratorGCPBackend)
    assert list(names["training_backend"].check()) == []


def test_the_yaml_of_the_readme_names_a_store() -> None:
    (text,) = snippets("yaml")
    written = RunSpec(**yaml.safe_load(text)["run"]).artifact_store
    assert written is not None
    assert isinstance(ArtifactStore.from_spec(written), GCSArtifactStore)


def test_the_readme_tells_every_option() -> None:
    section = README.partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == set(GCSArtifactStore.model_fields) - {"path"}
    on_command_line = re.findall(r" --([a-z][a-z-]*)", section)
    assert {name.replace("-", "_") for name in on_command_line} <= told


def test_the_readme_tells_every_option_of_trainings() -> None:
    _, _, after = README.partition("\n## Training on Vertex AI\n")
    rows = re.findall(r"^\| (`.+?) \|", after.partition("\n## ")[0], re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == set(TrainingGCAIPBackend.model_fields) >= set(SingleGPUTrainingGCAIPBackend.model_fields)


def test_the_readme_tells_every_option_of_machines() -> None:
    _, _, after = README.partition("\n## Pipelines on Compute Engine\n")
    rows = re.findall(r"^\| (`.+?) \|", after.partition("\n## ")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(OrchestratorGCPBackend.model_fields)
