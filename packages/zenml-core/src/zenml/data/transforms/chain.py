"""Chain: the methods of one column, before and after they are fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from zenml.data.transforms.fillings import FILLINGS
from zenml.data.transforms.identity import Same
from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.table import transform_class
from zenml.data.transforms.values import Value, ValueType, entering, entering_vectors, floats_of


@dataclass(frozen=True)
class Chain:
    """What is to be done with a column.

    Args:
        name: the column's name.
        kind: type of its raw values.
        label: whether it is a label.
        methods: fillings and transforms, in order; each takes what the one before it gives.
        width: how many numbers a raw value has that is a vector.
    """

    name: str
    kind: ValueType
    label: bool
    methods: tuple[Method, ...]
    width: int | None = None

    @property
    def types(self) -> list[ValueType]:
        """Return the type of the raw values, and of what each method gives."""
        types = [self.kind]
        for method in self.methods:
            types.append(method.gives(types[-1]))
        return types


@dataclass(frozen=True)
class FittedChain:
    """What is done with a column.

    Args:
        chain: the methods.
        fitted: each of them with what it learned.
    """

    chain: Chain
    fitted: tuple[Fitted, ...]

    @property
    def _vector(self) -> Fitted | None:
        """The last method that makes vectors, if there is one."""
        return next((fitted for fitted in reversed(self.fitted) if fitted.width() is not None), None)

    @property
    def output_type(self) -> pa.DataType:
        """Return the type of the column that comes out."""
        if self.chain.label:
            return pa.float64() if self.chain.types[-1] is ValueType.FLOAT else pa.int64()
        width = self.chain.width if self._vector is None else self._vector.width()
        return pa.float32() if width is None else pa.list_(pa.float32(), width)

    @property
    def names(self) -> list[str]:
        """Return a name for each number that a value becomes."""
        if self._vector is not None:
            return self._vector.names(self.chain.name)
        width = self.chain.width
        return [self.chain.name] if width is None else [f"{self.chain.name}[{place}]" for place in range(width)]

    @property
    def categories(self) -> list[Value] | None:
        """Return the values that come out as 0, 1, …, or None where the numbers are no places in a vocabulary."""
        last = next((fitted for fitted in reversed(self.fitted) if not isinstance(fitted, Same)), None)
        values = None if last is None else last.categories()
        return None if values is None else values.to_pylist()

    def apply(self, array: pa.Array) -> pa.Array:
        """Transform raw values.

        Raises:
            ValueError: values of another kind.
        """
        array = self.values(array)
        if self.chain.label:
            return array.cast(self.output_type)
        if pa.types.is_fixed_size_list(array.type):
            return array
        with np.errstate(over="ignore"):
            return pa.array(floats_of(array).astype(np.float32))

    def values(self, array: pa.Array) -> pa.Array:
        """Return what the last method gives of raw values, before it takes its output type.

        Raises:
            ValueError: values of another kind.
        """
        if self.chain.width is not None:
            array = entering_vectors(array, self.chain.width)
        else:
            array = entering(array, self.chain.kind)
        for fitted in self.fitted:
            array = fitted.apply(array)
        return array

    def to_json(self, files: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
        """Return the chain as JSON types.

        Args:
            files: by number of a method, the file of each of its arrays.
        """
        steps = []
        for number, (method, fitted) in enumerate(zip(self.chain.methods, self.fitted, strict=True)):
            role = "filling" if FILLINGS.get(method.NAME) is type(method) else "transform"
            row = {role: method.NAME, "parameters": method.model_dump()}
            row["learned"] = {**fitted.to_json(), **{name: {"file": file} for name, file in files[number].items()}}
            steps.append(row)
        width = {} if self.chain.width is None else {"width": self.chain.width}
        return {"name": self.chain.name, "type": self.chain.kind.value, **width, "steps": steps}

    def arrays(self) -> Iterator[tuple[int, Arrays]]:
        """Yield each method's number and arrays."""
        for number, fitted in enumerate(self.fitted):
            yield number, fitted.arrays()

    @classmethod
    def from_json(cls, row: Mapping[str, Any], label: bool, read: Callable[[str], pa.Array]) -> Self:
        """Read what `to_json` gave.

        Args:
            row: the JSON object.
            label: whether it is a label's.
            read: gives the array in a file by its name.
        """
        steps: Sequence[Mapping[str, Any]] = row["steps"]
        methods = []
        for step in steps:
            kind = FILLINGS[step["filling"]] if "filling" in step else transform_class(step["transform"])
            methods.append(kind(**step["parameters"]))
        chain = Chain(str(row["name"]), ValueType(row["type"]), label, tuple(methods), row.get("width"))
        fitted = []
        for method, step, taken in zip(methods, steps, chain.types, strict=False):
            learned = step["learned"]
            files = {name: value["file"] for name, value in learned.items() if isinstance(value, dict)}
            arrays = {name: read(file) for name, file in files.items()}
            fitted.append(method.load(taken, learned, arrays))
        return cls(chain, tuple(fitted))
