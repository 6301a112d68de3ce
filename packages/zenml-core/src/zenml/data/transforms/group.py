"""Group: several features that become one vector."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.transforms.chain import Chain
from zenml.data.transforms.pca import Pca, Projected
from zenml.data.transforms.values import Floats, ValueType
from zenml.errors import Problem, closest

GROUP_TRANSFORMS: dict[str, type[Pca]] = {Pca.NAME: Pca}
"""All transforms of groups by name."""

_FITTING = frozenset({ValueType.INTEGER, ValueType.FLOAT, ValueType.BOOLEAN})


@dataclass(frozen=True)
class Group:
    """Features that are transformed together, after their own methods.

    Args:
        name: of the vector that comes out.
        features: names of the features.
        method: what is done with them.
    """

    name: str
    features: tuple[str, ...]
    method: Pca

    @property
    def place(self) -> str:
        """Return how to call it in messages."""
        return f"group {self.name!r}"


@dataclass(frozen=True)
class FittedGroup:
    """A group with what its method learned."""

    group: Group
    fitted: Projected

    @property
    def output_type(self) -> pa.DataType:
        """Return the type of the column that comes out."""
        return pa.list_(pa.float32(), len(self.fitted.components))

    @property
    def names(self) -> list[str]:
        """Name each component."""
        return [f"{self.group.name}[{number}]" for number in range(len(self.fitted.components))]

    def apply(self, columns: Mapping[str, Floats]) -> pa.Array:
        """Transform what the features' own methods give."""
        found: npt.NDArray[np.float32] = self.fitted.apply([columns[name] for name in self.group.features])
        return pa.FixedSizeListArray.from_arrays(pa.array(found.reshape(-1)), found.shape[1])

    def to_json(self) -> dict[str, Any]:
        """Return the group as JSON types."""
        return {
            "name": self.group.name,
            "features": list(self.group.features),
            "transform": self.group.method.NAME,
            "parameters": self.group.method.model_dump(),
            "learned": self.fitted.to_json(),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> FittedGroup:
        """Read what `to_json` gave."""
        method = GROUP_TRANSFORMS[row["transform"]](**row["parameters"])
        return cls(Group(str(row["name"]), tuple(row["features"]), method), Projected.from_json(row["learned"]))


def group_problems(groups: Sequence[Group], chains: Sequence[Chain], columns: Collection[str]) -> list[Problem]:
    """Find what is wrong with groups.

    Args:
        groups: the groups.
        chains: of the features and labels.
        columns: names of all columns of the data.
    """
    problems: list[Problem] = []
    features = {chain.name: chain for chain in chains if not chain.label}
    taken: dict[str, str] = {}
    for group in groups:
        if group.name in columns:
            problems.append(Problem("a column of the data has the same name", group.place, "Rename the group"))
        if group.method.n_components > len(group.features):
            what = f"n_components is {group.method.n_components}, but there are {len(group.features)} features"
            problems.append(Problem(what, group.place))
        for name in group.features:
            if name not in features:
                mend = closest(name, features) or f"Features: {', '.join(features)}"
                problems.append(Problem(f"there is no feature {name!r}", group.place, mend))
            elif features[name].types[-1] not in _FITTING:
                what = (
                    f"feature {name!r} comes out as a {features[name].types[-1]}, but {group.method.NAME} takes numbers"
                )
                problems.append(Problem(what, group.place, "Take it out, or overwrite its transform"))
            elif name in taken:
                what = (
                    f"feature {name!r} is in {taken[name]} too" if taken[name] != group.place else f"{name!r} is twice"
                )
                problems.append(Problem(what, group.place, "A feature can be in one group, once"))
            taken.setdefault(name, group.place)
    return problems
