"""Persistence: weights and the state of an optimizer as safetensors and JSON; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, load_model, save_file, save_model

from zenml.errors import DataError

WEIGHTS_FILE = "weights.safetensors"
_TENSORS, _REST = "optimizer.safetensors", "optimizer.json"


def save_weights(network: Any, folder: Path) -> None:
    """Write the weights of a network, the same bytes for the same weights."""
    save_model(network, str(folder / WEIGHTS_FILE))


def load_weights(network: Any, folder: Path) -> None:
    """Let a network have the weights in a folder.

    Raises:
        DataError: they are missing, damaged, or of a network of another shape.
    """
    file = folder / WEIGHTS_FILE
    try:
        load_model(network, str(file))
    except FileNotFoundError:
        raise DataError("there are no weights", str(file)) from None
    except (RuntimeError, safetensors.SafetensorError, OSError) as error:
        first = "; ".join(line.strip() for line in str(error).splitlines()[:4])
        raise DataError(f"the weights are damaged, or of another network: {first}", str(file)) from error


def save_optimizer(optimizer: Any, folder: Path, more: dict[str, Any]) -> None:
    """Write the state of an optimizer, and what else is worth keeping (JSON types)."""
    state = optimizer.state_dict()
    tensors: dict[str, Any] = {}
    rest: dict[str, dict[str, Any]] = {}
    for number, values in state["state"].items():
        for name, value in values.items():
            if torch.is_tensor(value):
                tensors[f"{number}/{name}"] = value.contiguous()
            else:
                rest.setdefault(str(number), {})[name] = value
    save_file(tensors, str(folder / _TENSORS))
    groups = [{name: value for name, value in group.items() if _is_plain(value)} for group in state["param_groups"]]
    (folder / _REST).write_text(json.dumps({"state": rest, "groups": groups, "more": more}))


def load_optimizer(optimizer: Any, folder: Path) -> dict[str, Any]:
    """Let an optimizer be as it was saved; return what else was kept."""
    found = json.loads((folder / _REST).read_text())
    state: dict[int, dict[str, Any]] = {int(number): dict(values) for number, values in found["state"].items()}
    for name, value in load_file(str(folder / _TENSORS)).items():
        number, _, field = name.partition("/")
        state.setdefault(int(number), {})[field] = value
    groups = [
        {**now, **{name: tuple(value) if isinstance(now.get(name), tuple) else value for name, value in saved.items()}}
        for now, saved in zip(optimizer.state_dict()["param_groups"], found["groups"], strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    more: dict[str, Any] = found["more"]
    return more


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str | list | tuple | None)
