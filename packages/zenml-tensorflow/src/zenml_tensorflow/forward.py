"""The forward pass of a model as one compiled function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt


def forward(model: Any) -> Callable[[npt.NDArray[np.float32]], list[npt.NDArray[Any]]]:
    """Return what gives a model's outputs, in their order, for features (rows, width), as in use."""
    import keras
    import tensorflow as tf

    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator,unused-ignore] # no types
    def run(features: Any) -> Any:
        return tuple(keras.tree.flatten(model(features, training=False)))

    def outputs(features: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
        made = run(tf.convert_to_tensor(np.ascontiguousarray(features, np.float32)))
        return [output.numpy() for output in made]

    return outputs
