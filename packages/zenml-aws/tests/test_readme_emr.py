from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from zenml_aws.emr.backend import ProcessingEMRBackend

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
(EMR,) = (text for text in README.split("\n## ") if text.startswith("Data steps on EMR"))


def snippet(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", EMR, re.DOTALL)
    return str(text)


def test_the_python_of_the_readme_splits_on_emr() -> None:
    added: list[Any] = []
    exec(snippet("python"), {"pipeline": SimpleNamespace(add_split=added.append)})
    (step,) = added
    assert isinstance(step.backend, ProcessingEMRBackend)
    assert list(step.backend.check()) == []


def test_the_yaml_of_the_readme_names_a_cluster() -> None:
    (step,) = yaml.safe_load(snippet("yaml"))["steps"]
    backend = ProcessingEMRBackend.from_config(step["backend"])
    assert backend == ProcessingEMRBackend(**step["backend"]["config"])
    assert backend.cluster_id


def test_the_readme_tells_every_option_of_the_engine_on_emr() -> None:
    rows = re.findall(r"^\| (`.+?) \|", EMR, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == set(ProcessingEMRBackend.model_fields)
