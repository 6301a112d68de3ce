"""TensorFlow: the trainer's loop, and Keras' own `fit`."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from tensorflow.python.framework import config

from benchmarks.training_data import WIDTH, read_arrays
from benchmarks.training_loops import OBJECTIVE, Bare, Bench, Firsts, Loops, Work, view_of
from zenml.backends.placement import Placement
from zenml.steps.trainer.feed_forward import Layers
from zenml_tensorflow.dataset import as_dataset
from zenml_tensorflow.heads import Heads
from zenml_tensorflow.learner import KerasLearner
from zenml_tensorflow.network import compile_model, feed_forward
from zenml_tensorflow.session import limit_threads, load_keras, session

USUAL, SAME = "fit on NumPy arrays", "fit with as many steps in a call"
limit_threads(1, print)  # before anything is computed: afterwards it cannot be changed
_LAYERS = Layers(WIDTH, (64, 32), 1, "relu", "sigmoid", 0.0)


def loops(folder: Path, size: int) -> Loops:
    """Return epochs over the table in a folder; the networks and optimizers are the same."""
    load_keras()
    features, labels = read_arrays(folder)
    view, numbers = view_of(folder, size), count(1)
    with session(1, 1, Placement(), print):
        model, heads = feed_forward(_LAYERS, 1), Heads(OBJECTIVE, None)
        compile_model(model, heads, "adam", 0.001, size)
        learner = KerasLearner(model, heads, Bench(), size)  # type: ignore[arg-type] # it uses no more of a training

    def ours() -> None:
        number = next(numbers)
        tf.keras.utils.set_random_seed(number)
        tf.config.experimental.enable_op_determinism()
        try:
            learner.train(number, view.epoch(number))
        finally:
            config.disable_op_determinism()

    def fit(steps: int) -> Work:
        bare = feed_forward(_LAYERS, 1)
        bare.compile(tf.keras.optimizers.Adam(0.001), "binary_crossentropy", steps_per_execution=steps)
        return lambda: bare.fit(features, labels, batch_size=size, verbose=0) and None

    steps = model.steps_per_execution
    return Loops(ours, {USUAL: Bare((fit(1), fit(1))), SAME: Bare((fit(steps), fit(steps)))})


def firsts(folder: Path, size: int) -> Firsts:
    """Return what reads until the first batch."""

    def ours() -> None:
        next(iter(as_dataset(view_of(folder, size))))

    def bare() -> None:
        rows = tf.data.Dataset.from_tensor_slices(read_arrays(folder))
        next(iter(rows.shuffle(len(rows)).batch(size).prefetch(tf.data.AUTOTUNE)))

    return Firsts(ours, bare)
