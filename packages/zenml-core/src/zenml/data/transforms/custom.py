"""CustomTransform: the base of a user's own transforms."""

from __future__ import annotations

import hashlib
import json
import sys
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.shards import State
from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import ARROW, NUMBERS, ValueType


class CustomTransform(Method):
    """A transform of your own: subclass it in a module under a source root, and name it `module:Class` as the method.

    Parameters are annotated fields, as in every method. `apply` must map each value by itself, so that a row comes out
    the same alone and in a batch. What it has to learn from the training rows goes through a state, a dictionary of
    JSON types and NumPy arrays of plain numbers: `update` adds values to it, `merge` joins the states of neighbouring
    shards (always in their order), `learn` turns the whole state into what `apply` is given and what is kept in the
    artifact, as JSON and Arrow files. A transform that has no `update` learns nothing, and needs no pass of its own.

    The class is found again by its name when the artifact is loaded, and its code counts in the step's fingerprint. ::

        class FromLowest(CustomTransform):
            step: float = 1.0

            def update(self, state, values):
                lowest = pc.min(values).as_py()
                return {"lowest": min(state.get("lowest", lowest), lowest)}

            def merge(self, state, other):
                return {"lowest": min(state["lowest"], other["lowest"])}

            def apply(self, values, learned):
                return pc.divide(pc.subtract(values, learned["lowest"]), self.step)
    """

    TAKES: ClassVar[frozenset[ValueType]] = NUMBERS
    """Types of values that it can be applied to: numbers by default."""

    GIVES: ClassVar[ValueType | None] = None
    """Type of what `apply` returns: what it takes by default; VECTOR for a row of floats per value."""

    CARRIES = frozenset()
    KEEPS_NULLS = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.NAME = f"{cls.__module__}:{cls.__qualname__}"

    def update(self, state: State, values: pa.Array) -> State:
        """Add values of the training rows to a state and return it.

        Args:
            state: empty at first, then what this or `merge` returned.
            values: a batch without nulls, in the Arrow type of their kind; never empty.
        """
        return state

    def merge(self, state: State, other: State) -> State:
        """Return the state of two runs of rows, of which `other` is the later one."""
        raise TypeError(f"{type(self).__name__} has update but no merge")

    def pack(self, state: State) -> State:
        """Return the state as it is: it holds what can be sent."""
        return state

    def unpack(self, state: State) -> State:
        """Return the state as it is."""
        return state

    def learn(self, state: State) -> State:
        """Return what `apply` needs of the state of all training rows: by default all of it.

        Args:
            state: empty where there is no value, or no `update`.

        Raises:
            ValueError: these values cannot be learned from; the message says why and what to do.
        """
        return state

    @abstractmethod
    def apply(self, values: pa.Array, learned: State) -> pa.Array | npt.NDArray[Any]:
        """Map values one by one.

        Args:
            values: a batch in the Arrow type of their kind; nulls are among them where nothing filled them before.
            learned: what `learn` returned.

        Returns:
            an array as long as `values`; for vectors a NumPy array of shape (rows, width).

        Raises:
            ValueError: a value is bad; the message says which and why.
        """

    def width(self, learned: State) -> int:
        """Return the width of the vectors; needed where `GIVES` is VECTOR."""
        raise TypeError(f"{type(self).__name__} gives vectors, but does not implement width")

    @property
    def needs(self) -> frozenset[Need]:
        """Return its own state, if it has `update`."""
        return frozenset() if type(self).update is CustomTransform.update else frozenset({Need.OWN})

    def gives(self, taken: ValueType) -> ValueType:
        """Return `GIVES`."""
        return self.GIVES or taken

    def fit(self, summary: Summary) -> Fitted:
        """Learn."""
        learned = self.learn(summary.own or {})
        try:
            json.dumps(_packed(learned, {}), allow_nan=False)
        except (TypeError, ValueError) as error:
            what = "finite JSON values and NumPy arrays of numbers are kept, but what"
            raise ValueError(f"{what} {type(self).__name__} learned holds something else: {error}") from None
        return Customized(self, self.gives(summary.kind), learned)

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read what was learned."""
        (packed,) = row["state"]
        return Customized(self, self.gives(taken), _unpacked(packed, arrays))


@dataclass(frozen=True, eq=False)
class Customized(Fitted):
    """A user's transform with what it learned.

    Args:
        method: the transform.
        kind: type of what it gives.
        learned: what it learned.
    """

    method: CustomTransform
    kind: ValueType
    learned: State

    def apply(self, array: pa.Array) -> pa.Array:
        """Call the transform, and check what it returns."""
        found = self.method.apply(array, self.learned)
        name = type(self.method).__name__
        if len(found) != len(array):
            raise ValueError(f"{name} made {len(found)} values of {len(array)}")
        width = self.width()
        if width is None:
            return (found if isinstance(found, pa.Array) else pa.array(found)).cast(ARROW[self.kind])
        flat = np.asarray(found.flatten()) if isinstance(found, pa.Array) else np.asarray(found)
        if flat.size != len(array) * width:
            raise ValueError(f"{name} made {flat.size} numbers of {len(array)} values, not {width} of each")
        return pa.FixedSizeListArray.from_arrays(pa.array(flat.astype(np.float32).reshape(-1)), width)

    def summary(self, taken: Summary) -> Summary:
        """Keep nothing: what comes later is learned behind it."""
        return Summary(self.kind, ())

    def to_json(self) -> Mapping[str, Any]:
        """Return what was learned, and the digest of the module, so that other code makes another artifact."""
        return {"source": _source_digest(type(self.method)), "state": [_packed(self.learned, {})]}

    def arrays(self) -> Arrays:
        """Return the arrays in what was learned."""
        found: Arrays = {}
        _packed(self.learned, found)
        return found

    def width(self) -> int | None:
        """Ask the transform, where it makes vectors."""
        return self.method.width(self.learned) if self.kind is ValueType.VECTOR else None

    def names(self, feature: str) -> list[str]:
        """Number the parts of a vector."""
        width = self.width()
        return [feature] if width is None else [f"{feature}[{number}]" for number in range(width)]


def _source_digest(kind: type) -> str:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return f"sha256:{hashlib.sha256(Path(file).read_bytes()).hexdigest()}" if file and Path(file).is_file() else ""


def _packed(value: Any, arrays: Arrays) -> Any:
    """Return a state as JSON types, and put its arrays into `arrays`."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise TypeError(f"an array of {value.dtype}")
        name = f"state-{len(arrays)}"
        arrays[name] = pa.array(np.ascontiguousarray(value).reshape(-1))
        return {"array": name, "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a key that is no text")
        return {"object": {key: _packed(row, arrays) for key, row in value.items()}}
    return [_packed(row, arrays) for row in value] if isinstance(value, list | tuple) else value


def _unpacked(value: Any, arrays: Arrays) -> Any:
    """Return what `_packed` was given."""
    if isinstance(value, list):
        return [_unpacked(row, arrays) for row in value]
    if not isinstance(value, dict):
        return value
    if "object" in value:
        return {key: _unpacked(row, arrays) for key, row in value["object"].items()}
    array = arrays[value["array"]]
    if prod(value["shape"]) != len(array):
        raise ValueError(f"{value['array']} has {len(array)} numbers for the shape {value['shape']}")
    return array.to_numpy(zero_copy_only=False).reshape(value["shape"])
