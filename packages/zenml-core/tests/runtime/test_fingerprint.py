"""What a fingerprint is made of."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from zenml.runtime.code_digest import code_of
from zenml.runtime.fingerprint import Fingerprint, fingerprint
from zenml.runtime.graph import Node
from zenml.spec.model import StepSpec
from zenml.steps.base import Wired
from zenml.steps.preprocesser import StandardPreprocesser

TRANSFORM = """
import own_helper
from zenml.data.transforms import CustomTransform

class Doubled(CustomTransform):
    def apply(self, values, learned):
        return own_helper.double(values)
"""


@pytest.fixture
def own_module(project: Path) -> Iterable[Path]:
    (project / "own_transforms.py").write_text(TRANSFORM)
    (project / "own_helper.py").write_text("def double(values): return values\n")
    sys.path.insert(0, str(project))
    return project


def print_of(step: StandardPreprocesser, root: Path) -> Fingerprint:
    code_of.cache_clear()  # as in another process
    node = Node(StepSpec(id="p", type="StandardPreprocesser"), step, None, {}, Wired("p", step, {}))
    return fingerprint(node, 1, {"examples": "sha256:0"}, None, [root])


def test_the_code_of_classes_that_the_config_names_counts(own_module: Path) -> None:
    plain = print_of(StandardPreprocesser(), own_module)
    assert "classes" not in plain.parts
    step = StandardPreprocesser(overwrite={"x": {"transform": [{"method": "own_transforms:Doubled"}]}})
    first = print_of(step, own_module)
    assert first.servable
    assert list(first.parts["classes"]) == ["own_transforms:Doubled"]
    assert print_of(step, own_module).digest == first.digest
    (own_module / "own_helper.py").write_text("def double(values): return values * 2\n")
    assert print_of(step, own_module).digest != first.digest
    assert print_of(StandardPreprocesser(), own_module).digest == plain.digest


def test_a_class_may_be_given_itself(own_module: Path) -> None:
    kind = importlib.import_module("own_transforms").Doubled
    step = StandardPreprocesser(overwrite={"x": {"transform": [{"method": kind}]}})
    named = StandardPreprocesser(overwrite={"x": {"transform": [{"method": "own_transforms:Doubled"}]}})
    assert step == named
    assert StandardPreprocesser.from_config(step.to_config()) == step
