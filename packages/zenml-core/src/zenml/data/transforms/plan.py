"""plan_chains: which methods each column gets, by its type and by what the user asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zenml.data.schema import FeatureType, ListType, Schema
from zenml.data.statistics import TableStatistics
from zenml.data.transforms.chain import Chain
from zenml.data.transforms.fillings import FILLINGS, FillConstant, FillMean, FillMedian, FillMode
from zenml.data.transforms.hash_strings import HashStrings
from zenml.data.transforms.identity import NoTransform
from zenml.data.transforms.method import Method
from zenml.data.transforms.scaling import ScaleToZScore
from zenml.data.transforms.table import TRANSFORMS
from zenml.data.transforms.values import TEXT, ValueType, value_type
from zenml.data.transforms.vocabulary import ComputeAndApplyVocabulary, OneHotEncode
from zenml.errors import Problem, closest

Methods = tuple[Method, ...]


@dataclass(frozen=True)
class Asked:
    """What a user asks for of one column; what is None is done as the column's type suggests.

    Args:
        fillings: what stands in for missing cells, one after another.
        transforms: what is done then, one after another.
    """

    fillings: Methods | None = None
    transforms: Methods | None = None


_NOTHING: tuple[Methods, Methods] = ((), ())

FEATURE_DEFAULTS: Mapping[ValueType, tuple[Methods, Methods]] = {
    ValueType.INTEGER: ((FillMedian(),), (ScaleToZScore(),)),
    ValueType.FLOAT: ((FillMean(),), (ScaleToZScore(),)),
    ValueType.BOOLEAN: ((FillMode(),), (NoTransform(),)),
    ValueType.STRING: ((FillMode(),), (OneHotEncode(),)),
}
"""Fillings and transforms of a feature by the type of its values, where the user asks for none."""

ONE_HOT_LIMIT = 256
"""A feature of more distinct strings is hashed by default, into as many buckets, and not one-hot encoded."""

MANY_STRINGS: tuple[Methods, Methods] = (
    (FillConstant(value=""),),
    (HashStrings(num_buckets=ONE_HOT_LIMIT, one_hot=True),),
)
"""Fillings and transforms of a feature of many distinct strings."""

LABEL_DEFAULTS: Mapping[ValueType, tuple[Methods, Methods]] = {
    ValueType.INTEGER: ((), (NoTransform(),)),
    ValueType.FLOAT: ((), (NoTransform(),)),
    ValueType.BOOLEAN: ((), (NoTransform(),)),
    ValueType.STRING: ((), (ComputeAndApplyVocabulary(),)),
}
"""The same of a label: a missing one is never made up."""


def plan_chains(
    schema: Schema,
    features: Sequence[str],
    labels: Sequence[str],
    overwrite: Mapping[str, Asked],
    statistics: TableStatistics | None = None,
) -> tuple[list[Chain], list[Problem]]:
    """Choose the methods of each column.

    Args:
        schema: the raw columns.
        features: names of the features; all columns but the labels where there is none.
        labels: names of the labels.
        overwrite: by column, what to do instead of the default.
        statistics: of the training rows; without them no column counts as one of many distinct strings.

    Returns:
        the chains, features first, and every problem that was found.
    """
    problems = _name_problems(schema, features, labels, overwrite)
    chains: list[Chain] = []
    for name in used_columns(schema, features, labels):
        label = name in labels
        raw = schema[name].type
        kind = value_type(raw)
        asked = overwrite.get(name, Asked())
        if isinstance(raw, ListType) or kind is None:
            found = _list_problems(name, raw, label, asked)
            problems += found
            if kind is not None and not found:
                chains.append(Chain(name, kind, label, (NoTransform(),), raw.shape[0]))
            continue
        if not asked.transforms and kind not in (LABEL_DEFAULTS if label else FEATURE_DEFAULTS):
            problems.append(_type_problem(name, kind, label))
            continue
        many = statistics is not None and kind in TEXT and statistics[name].distinct > ONE_HOT_LIMIT
        chain = Chain(name, kind, label, _methods(kind, label, asked, many=many))
        found = _chain_problems(chain)
        problems += found
        if not found:
            chains.append(chain)
    if not problems and all(chain.label for chain in chains):
        problems.append(Problem("there is no column left to be a feature", "features", "Name at least one feature"))
    return chains, problems


def used_columns(schema: Schema, features: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Return the columns of the data that are used, features first."""
    chosen = features or schema.names
    names = (*(name for name in chosen if name not in labels), *labels)
    return [name for name in dict.fromkeys(names) if name in schema]


def _methods(kind: ValueType, label: bool, asked: Asked, *, many: bool) -> Methods:
    fillings, transforms = (LABEL_DEFAULTS if label else FEATURE_DEFAULTS).get(kind, _NOTHING)
    if many and not label and asked.transforms is None:
        fillings, transforms = MANY_STRINGS
    if asked.transforms is not None:
        transforms = asked.transforms
        empty = transforms[0].FILLED_WITH if transforms else None
        if fillings and empty is not None:
            fillings = (FillConstant(value=empty),)
        # The median of integers is a float; where a transform wants a category, the mode is what fits.
        if fillings and transforms and fillings[0].gives(kind) not in transforms[0].TAKES:
            fillings = (FillMode(),)
    if asked.fillings is not None:
        fillings = asked.fillings
    return (*fillings, *transforms)


def _name_problems(
    schema: Schema, features: Sequence[str], labels: Sequence[str], overwrite: Mapping[str, Asked]
) -> list[Problem]:
    problems = []
    for place, names in (("features", features), ("labels", labels), ("overwrite", overwrite)):
        for name in dict.fromkeys(names):
            if name not in schema:
                mend = closest(name, schema.names) or f"Columns: {', '.join(schema.names)}"
                problems.append(Problem(f"there is no column {name!r} in the data", place, mend))
            elif place == "overwrite" and features and name not in (*features, *labels):
                mend = closest(name, (*features, *labels)) or "Add it to the features, or take it out of overwrite"
                problems.append(Problem(f"column {name!r} is neither a feature nor a label", place, mend))
    problems += [
        Problem(f"column {name!r} is also a label", "features", "A model would see the answer; take it out")
        for name in dict.fromkeys(features)
        if name in labels
    ]
    return problems


def _list_problems(name: str, kind: FeatureType, label: bool, asked: Asked) -> list[Problem]:
    """Say why a column of lists cannot be used so: only vectors can, as features, and as they are."""
    place = f"{'label' if label else 'feature'} {name!r}"
    mend = "Leave the column out, by naming the features"
    if label:
        return [
            Problem(f"it holds lists ({kind}), and a label is one value", place, "Name another column as the label")
        ]
    if value_type(kind) is None:
        if kind.element.numeric:
            length = f'types={{"{name}": "{kind}[3]"}} for files, an array of two dimensions in memory'
            mend += f", or tell how long its lists are: {length}"
        return [Problem(f"no transform takes lists of type {kind}", place, mend)]
    if asked.transforms != (NoTransform(),) or asked.fillings:
        what = f"a list of numbers ({kind}) can be used only as it is"
        return [Problem(what, place, "Name no_transform, without a filling, in overwrite, or leave the column out")]
    return []


def _type_problem(name: str, kind: ValueType, label: bool) -> Problem:
    place = f"{'label' if label else 'feature'} {name!r}"
    fitting = ", ".join(other.NAME for other in TRANSFORMS.values() if kind in other.TAKES and other is not NoTransform)
    mend = f"Name a transform in overwrite ({fitting}), or leave the column out by naming the features"
    if label or not fitting:
        mend = "Leave the column out, by naming the features"
    return Problem(f"a column of type {kind} has no default transform", place, mend)


def _chain_problems(chain: Chain) -> list[Problem]:
    """Say which methods do not take what the one before them gives, and whether a number comes out in the end."""
    place = f"{'label' if chain.label else 'feature'} {chain.name!r}"
    kind = chain.kind
    problems = []
    for method in chain.methods:
        if kind not in method.TAKES:
            table = FILLINGS if method.NAME in FILLINGS else TRANSFORMS
            fitting = ", ".join(name for name, other in table.items() if kind in other.TAKES)
            takes = " and ".join(sorted(method.TAKES))
            mend = f"Take one of: {fitting}" if fitting else ""
            problems.append(Problem(f"{method.NAME} takes {takes} values, not {kind} ones", place, mend))
            return problems
        what = method.problem(kind)
        if what:
            problems.append(Problem(f"{method.NAME}: {what}", place))
        if chain.label and isinstance(method, ComputeAndApplyVocabulary) and method != _label_vocabulary(method):
            what = f"{method.NAME} of a label takes neither num_oov_buckets nor default_value"
            problems.append(Problem(what, place, "A class that is unknown becomes -1"))
        kind = method.gives(kind)
    if kind in _OUTCOMES or (chain.label and kind is ValueType.VECTOR):
        what, mend = _OUTCOMES.get(kind, ("a vector comes out, but a label is one number", _CODED))
        if kind is ValueType.STRING and not chain.label:
            mend += " or one_hot_encode"
        problems.append(Problem(what, place, mend))
    return problems


_CODED = "Take compute_and_apply_vocabulary"
_OUTCOMES = {
    ValueType.STRING: ("text comes out in the end", _CODED),
    ValueType.TIMESTAMP: ("a timestamp comes out in the end", "Take date_part"),
    ValueType.BYTES: ("bytes come out in the end", "Leave the column out, by naming the features"),
}
"""Types of values that are no numbers, and what to do."""


def _label_vocabulary(method: ComputeAndApplyVocabulary) -> ComputeAndApplyVocabulary:
    return ComputeAndApplyVocabulary(top_k=method.top_k, frequency_threshold=method.frequency_threshold)
