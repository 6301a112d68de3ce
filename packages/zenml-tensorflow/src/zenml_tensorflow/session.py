"""TensorFlow as a training or a prediction needs it: quiet, with a number of threads, reproducible."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import numpy as np

from zenml.backends.placement import Placement
from zenml.errors import ConfigError

Warn = Callable[[str], None]


def load_keras() -> None:
    """Import Keras on TensorFlow.

    Raises:
        ConfigError: this process has Keras on another backend.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    if keras.backend.backend() != "tensorflow":
        what = (
            f"Keras was imported with the backend {keras.backend.backend()} in this process, and TensorFlow is needed"
        )
        raise ConfigError(what, "zenml-tensorflow", "Set KERAS_BACKEND=tensorflow before anything imports Keras")


def limit_threads(threads: int, warn: Warn) -> None:
    """Let TensorFlow use so many threads; a process that has begun to compute cannot change the number any more.

    Args:
        threads: how many an operation may use; two operations may always run side by side.
        warn: told of numbers that cannot be changed any more.
    """
    import tensorflow as tf

    threading = tf.config.threading
    wanted = (threads, max(2, threads))
    with suppress(RuntimeError):
        threading.set_intra_op_parallelism_threads(wanted[0])
        threading.set_inter_op_parallelism_threads(wanted[1])
    used = (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
    if used == wanted:
        return
    told = [
        f"{many or 'all'} {name} instead of {right}"
        for many, right, name in zip(used, wanted, ("intra-op threads", "inter-op threads"), strict=True)
        if many != right
    ]
    what = f"TensorFlow has computed before in this process and keeps to {' and '.join(told)}"
    mend = "Train before anything else uses TensorFlow, or in a process of its own"
    warn(f"{what}: the model may differ in its last digits from one of a fresh process. {mend}")


@contextmanager
def keras_unwarned() -> Iterator[None]:
    """Leave out what NumPy tells Keras' authors while the context is open; a user can do nothing about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
        yield


@contextmanager
def session(seed: int, threads: int, placement: Placement, warn: Warn) -> Iterator[None]:
    """Compute reproducibly while the context is open: seeded, with deterministic operations, under fresh names.

    Args:
        seed: for all that is random.
        threads: how many an operation may use.
        placement: on what to compute, and in which precision.
        warn: told what is not as it was asked for.

    Raises:
        ConfigError: the device is not there, or Keras has another backend.
    """
    load_keras()
    import keras
    import tensorflow as tf
    from tensorflow.python.framework import config as framework

    limit_threads(threads, warn)
    device = _device(placement)
    python, numpy, floatx = random.getstate(), np.random.get_state(), keras.config.floatx()
    was_deterministic = framework.is_op_determinism_enabled()
    keras.utils.clear_session(free_memory=False)  # layers count from the beginning, so that files hold the same names
    policy = keras.config.dtype_policy()
    with ExitStack() as stack:
        stack.enter_context(keras_unwarned())
        stack.callback(random.setstate, python)
        stack.callback(np.random.set_state, numpy)
        stack.callback(keras.config.set_floatx, floatx)
        stack.callback(keras.config.set_dtype_policy, policy)
        if not was_deterministic:
            stack.callback(framework.disable_op_determinism)
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy(_POLICIES[placement.precision])
        keras.utils.set_random_seed(seed % 2**32)
        tf.config.experimental.enable_op_determinism()
        if device:
            stack.enter_context(tf.device(device))
        yield


_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def _device(placement: Placement) -> str:
    """Return TensorFlow's name of the device; empty for its own choice."""
    import tensorflow as tf

    if placement.device == "cpu":
        return "/CPU:0"
    found = tf.config.list_physical_devices("GPU")
    for gpu in found:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # it was used before, as it is
            break
    if placement.device == "auto":
        return "/GPU:0" if found else "/CPU:0"
    if not found:
        what = f"device={placement.device!r} is asked for, and TensorFlow finds no GPU here"
        raise ConfigError(what, "zenml-tensorflow", "Run: pip install 'tensorflow[and-cuda]', or take device='auto'")
    return "/GPU:0"
