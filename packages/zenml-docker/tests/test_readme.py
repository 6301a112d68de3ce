from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml_docker.backend import OrchestratorDockerBackend

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_of_the_readme_runs_a_pipeline_in_a_container() -> None:
    given: dict[str, Any] = {}
    (text,) = snippets("python")
    exec(text, {"pipeline": SimpleNamespace(run=given.update)})
    assert isinstance(given["backend"], OrchestratorDockerBackend)


def test_the_yaml_of_the_readme_names_the_backend() -> None:
    (text,) = snippets("yaml")
    backend = OrchestratorBackend.from_config(yaml.safe_load(text)["run"]["backend"])
    assert isinstance(backend, OrchestratorDockerBackend)
    assert backend.gpus == "all"


def test_the_readme_tells_every_option() -> None:
    rows = re.findall(r"^\| (`.+?) \|", README, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(OrchestratorDockerBackend.model_fields)
