"""Method: the interface of a filling or transform, before and after it is fitted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import ValueType

Arrays = dict[str, pa.Array]
"""Arrays that a fitted method keeps beside its JSON, by name."""


class Fitted(ABC):
    """A method with what it learned from the training rows: maps values one by one.

    Whatever `apply` does to a value depends on that value alone, so that a row comes out the same, bit by bit, whether
    it is alone or one of many.
    """

    @abstractmethod
    def apply(self, array: pa.Array) -> pa.Array:
        """Map values; nulls have an outcome that the class documents."""

    @abstractmethod
    def summary(self, taken: Summary) -> Summary:
        """Return the summary of what `apply` makes of the values that `taken` summarises."""

    @abstractmethod
    def to_json(self) -> Mapping[str, Any]:
        """Return what was learned as JSON types; what is in `arrays` may be left out."""

    def arrays(self) -> Arrays:
        """Return what was learned as arrays."""
        return {}

    def categories(self) -> pa.Array | None:
        """Return the values that come out as numbers from 0 on, or None where that is not what the method does."""
        return None

    def width(self) -> int | None:
        """Return the length of the vector that a value becomes, or None where it stays one value."""
        return None

    def names(self, feature: str) -> list[str]:
        """Name what a value becomes: one name, or one per number of a vector."""
        return [feature]


class Method(BaseModel):
    """A filling or transform with its parameters; a subclass is registered by its `NAME`.

    Implement `gives`, `fit` and `load`. Parameters are the fields.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    NAME: ClassVar[str]
    """The name under which a user asks for it."""

    TAKES: ClassVar[frozenset[ValueType]]
    """Types of values that it can be applied to."""

    NEEDS: ClassVar[frozenset[Need]] = frozenset()
    """What a summary must hold for `fit`; a method without needs is the same whatever the data are."""

    CARRIES: ClassVar[frozenset[Need]] = frozenset({Need.COUNTS})
    """Parts of a summary that `Fitted.summary` keeps; what a later method needs beside them is learned behind it."""

    KEEPS_NULLS: ClassVar[bool] = True
    """Whether a null, and nothing else, comes out as null; fillings aside."""

    FILLED_WITH: ClassVar[str | None] = None
    """What stands in for missing cells before it by default; None for what the column's type suggests."""

    FILLS: ClassVar[bool] = False
    """Whether every value stays as it is, and only nulls change."""

    @property
    def needs(self) -> frozenset[Need]:
        """Return what a summary must hold for `fit` with these parameters."""
        return self.NEEDS

    def gives(self, taken: ValueType) -> ValueType:
        """Return the type of what comes out."""
        return taken

    def problem(self, taken: ValueType) -> str:
        """Say why its parameters do not fit values of a type that it takes, or return an empty string."""
        return ""

    @abstractmethod
    def fit(self, summary: Summary) -> Fitted:
        """Learn from the summary of the training rows' values.

        Raises:
            ValueError: these values cannot be learned from; the message says why and what to do.
        """

    @abstractmethod
    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Make it fitted again from what `to_json` and `arrays` gave."""
