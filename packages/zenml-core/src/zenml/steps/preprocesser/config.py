"""The form in which a user asks for fillings and transforms, checked as far as that goes without data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from zenml.errors import PluginError, closest
from zenml.spec.component import config_problems

if TYPE_CHECKING:
    from zenml.data.transforms import Asked, Group, Method


class _MethodConfig(BaseModel, ABC):
    """A method by name, with its parameters; the table of methods is imported only once one is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    parameters: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    @abstractmethod
    def _table(cls) -> tuple[str, Mapping[str, type[BaseModel]]]:
        """Return what the methods are called, and all of them by name."""

    @model_validator(mode="after")
    def _check_method(self) -> Self:
        kind, table = self._table()
        if self._own:
            try:
                return self._checked(self._class())
            except PluginError as error:
                raise ValueError(str(error)) from None
        if self.method not in table:
            mend = closest(self.method, table) or f"Known: {', '.join(table)}"
            raise ValueError(f"there is no {kind} {self.method!r}. {mend}")
        return self._checked(table[self.method])

    def _checked(self, kind: type[BaseModel]) -> Self:
        try:
            kind(**self.parameters)
        except ValidationError as error:
            problems = config_problems(kind, error, self.method)
            raise ValueError("; ".join(map(str, problems))) from None
        return self

    @property
    def _own(self) -> bool:
        """Say whether the method is a class of the user's own."""
        return False

    def _class(self) -> type[BaseModel]:
        return self._table()[1][self.method]


class FillingConfig(_MethodConfig):
    """One filling: `{"method": "constant", "parameters": {"value": 0}}`."""

    @classmethod
    def _table(cls) -> tuple[str, Mapping[str, type[BaseModel]]]:
        from zenml.data.transforms import FILLINGS

        return "filling", FILLINGS

    def build(self) -> Method:
        """Return the filling with its parameters."""
        from zenml.data.transforms import FILLINGS

        return FILLINGS[self.method](**self.parameters)


class TransformConfig(_MethodConfig):
    """One transform: `{"method": "scale_by_min_max", "parameters": {"min": -1.0}}`.

    The method may be a `CustomTransform` of the user's own, as `module:Class` or, in Python, as the class itself.
    """

    @field_validator("method", mode="before")
    @classmethod
    def _name_class(cls, method: object) -> object:
        return f"{method.__module__}:{method.__qualname__}" if isinstance(method, type) else method

    @property
    def _own(self) -> bool:
        return ":" in self.method

    def _class(self) -> type[Method]:
        from zenml.data.transforms import transform_class

        return transform_class(self.method)

    def build(self) -> Method:
        """Return the transform with its parameters."""
        return self._class()(**self.parameters)

    def code_class(self) -> type[Method] | None:
        """Return the class, where it is the user's own."""
        return self._class() if self._own else None

    @classmethod
    def _table(cls) -> tuple[str, Mapping[str, type[BaseModel]]]:
        from zenml.data.transforms import TRANSFORMS

        return "transform", TRANSFORMS


class GroupConfig(_MethodConfig):
    """Several features as one vector: `{"features": ["a", "b", "c"], "method": "pca", "parameters": {...}}`.

    Args:
        features: names of the features; each can be in one group.
        method: `pca`.
        parameters: of the method.
    """

    features: tuple[str, ...] = Field(min_length=1)

    @classmethod
    def _table(cls) -> tuple[str, Mapping[str, type[BaseModel]]]:
        from zenml.data.transforms import GROUP_TRANSFORMS

        return "transform of a group", GROUP_TRANSFORMS

    def build_group(self, name: str) -> Group:
        """Return the group of that name."""
        from zenml.data.transforms import GROUP_TRANSFORMS, Group

        return Group(name, self.features, GROUP_TRANSFORMS[self.method](**self.parameters))


class ColumnConfig(BaseModel):
    """What a user asks for of one column; what is None is done as the column's type suggests.

    Args:
        filling: what stands in for missing cells, one after another; an empty list leaves them missing.
        transform: what is done then, one after another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    filling: tuple[FillingConfig, ...] | None = None
    transform: tuple[TransformConfig, ...] | None = None

    def build(self) -> Asked:
        """Return the methods that are asked for."""
        from zenml.data.transforms import Asked

        return Asked(
            None if self.filling is None else tuple(config.build() for config in self.filling),
            None if self.transform is None else tuple(config.build() for config in self.transform),
        )
