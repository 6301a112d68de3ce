from __future__ import annotations

import subprocess
import sys

import pytest

from zenml.steps.trainer import names
from zenml_tensorflow.network import LOSSES, OPTIMIZERS


def test_keras_has_whatever_the_trainers_of_all_frameworks_know():
    import keras

    assert set(LOSSES) == set(names.LOSSES)
    assert set(OPTIMIZERS) == set(names.OPTIMIZERS)
    assert all(issubclass(getattr(keras.losses, kind), keras.losses.Loss) for kind in LOSSES.values())
    assert all(issubclass(getattr(keras.optimizers, kind), keras.optimizers.Optimizer) for kind in OPTIMIZERS.values())
    assert all(callable(keras.activations.get(name)) for name in names.ACTIVATIONS)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "binary_crossentropy", "categorical_crossentropy"])
def test_the_loss_that_is_reported_is_the_loss_that_is_trained(name):
    import keras
    import numpy as np

    from zenml.steps.trainer.objective import Objective
    from zenml.steps.trainer.prediction import LabelInfo

    random = np.random.default_rng(1)
    classes = (0, 1, 2) if name.startswith("cat") else (0, 1)
    regression = names.LOSSES[name] == "numbers"
    label = LabelInfo("y", "regression") if regression else LabelInfo("y", "classification", classes, classes)
    objective = Objective(name, (label,))
    outputs = random.random((50, objective.outputs)).astype(np.float32)
    if name.startswith("cat"):
        outputs /= outputs.sum(axis=1, keepdims=True)
    values = random.normal(size=50) * 3 if regression else random.integers(len(classes), size=50)
    _, targets = objective.arrays(np.zeros((50, 1), np.float32), {"y": values})
    total, weight = objective.sums(outputs, (targets,))
    assert float(getattr(keras.losses, LOSSES[name])()(targets, outputs)) == pytest.approx(total / weight, rel=1e-5)


def test_checking_and_fingerprinting_a_trainer_imports_no_tensorflow():
    code = """
import sys
from zenml.steps.trainer import TFFeedForwardTrainer
trainer = TFFeedForwardTrainer(loss="binary_crossentropy", optimizer="adm", epochs=3)
assert [row.mend for row in trainer.check({})] == ["Did you mean adam?"]
trainer.fingerprint_config(), trainer.split_names({})
print([name for name in ("tensorflow", "keras", "h5py") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
