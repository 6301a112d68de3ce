from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from zenml.backends.interfaces import TrainingBackend
from zenml_aws.sagemaker.backend import TrainingSagemakerBackend
from zenml_aws.sagemaker.distributed import DistributedTrainingSagemakerBackend

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
(SAGEMAKER,) = (text for text in README.split("\n## ") if text.startswith("Training on SageMaker"))


def snippet(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", SAGEMAKER, re.DOTALL)
    return str(text)


def test_the_python_of_the_readme_trains_on_sagemaker() -> None:
    given: list[Any] = []
    trainer = SimpleNamespace(with_backend=given.append)
    code = snippet("python").replace("from zenml.steps.trainer import TFFeedForwardTrainer", "")
    names = {"pipeline": SimpleNamespace(add_trainer=lambda _: None), "TFFeedForwardTrainer": lambda **_: trainer}
    exec(code, names)
    (backend,) = given
    assert isinstance(backend, TrainingSagemakerBackend)
    assert list(backend.check()) == []


def test_the_yaml_of_the_readme_trains_on_several_instances() -> None:
    (step,) = yaml.safe_load(snippet("yaml"))["steps"]
    backend = TrainingBackend.from_config(step["backend"])
    assert isinstance(backend, DistributedTrainingSagemakerBackend)
    assert (backend.machines(), backend.processes()) == (2, 4)


def test_the_readme_tells_every_option_of_the_backends_on_sagemaker() -> None:
    rows = re.findall(r"^\| (`.+?) \|", SAGEMAKER, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == set(DistributedTrainingSagemakerBackend.model_fields)
