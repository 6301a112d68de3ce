"""Variables of a model or an optimizer on disk, for checkpoints: NumPy arrays in the variables' own order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zenml.errors import ConfigError


def save_variables(variables: Sequence[Any], path: Path) -> None:
    """Write the values of variables; equal values give equal bytes but for the archive's dates."""
    values = {f"{number:06d}": np.asarray(variable.numpy()) for number, variable in enumerate(variables)}
    np.savez(path, allow_pickle=False, **values)


def load_variables(variables: Sequence[Any], path: Path, where: str) -> None:
    """Give variables the values that `save_variables` wrote.

    Raises:
        ConfigError: they are of another model.
    """
    with np.load(path, allow_pickle=False) as archive:
        values = [archive[name] for name in sorted(archive.files)]
    found, wanted = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if found != wanted:
        pairs = zip([*found, None], [*wanted, None], strict=False)
        number, (one, other) = next(item for item in enumerate(pairs) if item[1][0] != item[1][1])
        what = f"the checkpoint is of another model: its variable {number} has the shape {one}, and the model's {other}"
        raise ConfigError(what, where, "Run the pipeline anew instead of going on with this run")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
