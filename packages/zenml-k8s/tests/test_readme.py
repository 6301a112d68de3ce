from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml_k8s.backend import OrchestratorKubernetesBackend

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def snippet(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(text)


def test_the_python_of_the_readme_names_a_backend() -> None:
    given: dict[str, Any] = {}
    stores = {"metadata_store": None, "artifact_store": None}
    exec(snippet("python"), {"training_pipeline": SimpleNamespace(run=given.update), **stores})
    assert isinstance(given["backend"], OrchestratorKubernetesBackend)
    assert given["backend"].namespace == "ml"


def test_the_yaml_of_the_readme_names_a_backend() -> None:
    block = yaml.safe_load(snippet("yaml"))["run"]["backend"]
    assert isinstance(OrchestratorBackend.from_config(block), OrchestratorKubernetesBackend)


def test_the_readme_tells_every_option() -> None:
    rows = re.findall(r"^\| (`.+?) \|", README, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == set(OrchestratorKubernetesBackend.model_fields)
