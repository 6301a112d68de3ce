"""Which methods a column gets, and what is wrong with those that a user asks for."""

from __future__ import annotations

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.transforms import FILLINGS, TRANSFORMS, Asked, plan_chains

SCHEMA = Schema(tuple(Feature(kind.value, kind) for kind in LogicalType))
PLAIN = Schema(tuple(feature for feature in SCHEMA if feature.name not in ("bytes", "timestamp")))


def names(methods: object) -> list[str]:
    return [method.NAME for method in methods.methods]  # type: ignore[attr-defined] # a chain


def test_the_default_follows_the_type() -> None:
    chains, problems = plan_chains(PLAIN, (), ("boolean", "string"), {})
    assert problems == []
    assert {chain.name: (chain.label, names(chain)) for chain in chains} == {
        "integer": (False, ["median", "scale_to_z_score"]),
        "float": (False, ["mean", "scale_to_z_score"]),
        "boolean": (True, ["no_transform"]),
        "string": (True, ["compute_and_apply_vocabulary"]),
    }
    chains, _ = plan_chains(PLAIN, ("string", "boolean"), ("float",), {})
    assert [names(chain) for chain in chains] == [
        ["mode", "one_hot_encode"],
        ["mode", "no_transform"],
        ["no_transform"],
    ]


def test_an_integer_asked_to_be_a_category_is_filled_with_its_mode() -> None:
    chains, problems = plan_chains(
        PLAIN, ("integer",), (), {"integer": Asked(transforms=(TRANSFORMS["one_hot_encode"](),))}
    )
    assert problems == []
    assert names(chains[0]) == ["mode", "one_hot_encode"]


def test_fillings_and_transforms_are_overwritten_apart_from_each_other() -> None:
    asked = {"float": Asked(fillings=()), "integer": Asked(fillings=(FILLINGS["min"](),), transforms=())}
    chains, problems = plan_chains(PLAIN, ("float", "integer"), (), asked)
    assert problems == []
    assert [names(chain) for chain in chains] == [["scale_to_z_score"], ["min"]]


def test_all_problems_are_found_at_once() -> None:
    asked = {
        "string": Asked(fillings=(FILLINGS["mean"](),)),
        "float": Asked(transforms=(TRANSFORMS["one_hot_encode"](),)),
        "boolean": Asked(fillings=(FILLINGS["constant"](value="x"),)),
        "floot": Asked(),
    }
    _, problems = plan_chains(
        SCHEMA, ("string", "float", "bytes", "boolean", "flot"), ("integer", "float", "labl"), asked
    )
    text = "\n".join(map(str, problems))
    assert "features: there is no column 'flot' in the data. Did you mean float?" in text
    assert "labels: there is no column 'labl' in the data" in text
    assert "overwrite: there is no column 'floot' in the data. Did you mean float?" in text
    assert "features: column 'float' is also a label" in text
    assert "feature 'string': mean takes float and integer values, not string ones. Take one of: mode, constant" in text
    assert "label 'float': one_hot_encode takes boolean and integer and string values, not float ones" in text
    assert "feature 'boolean': constant: value is 'x', which does not fit boolean values" in text
    assert "feature 'bytes': a column of type bytes has no default transform" in text
    assert len(problems) == 8


def test_a_number_must_come_out() -> None:
    vector = {"string": Asked(transforms=(TRANSFORMS["one_hot_encode"](),))}
    same = {"string": Asked(transforms=(TRANSFORMS["no_transform"](),))}
    buckets = {"string": Asked(transforms=(TRANSFORMS["compute_and_apply_vocabulary"](num_oov_buckets=1),))}
    for labels, asked, said in (
        (("string",), vector, "a vector comes out"),
        (("string",), same, "text comes out in the end. Take compute_and_apply_vocabulary"),
        ((), same, "or one_hot_encode"),
        (("string",), buckets, "neither num_oov_buckets nor default_value"),
    ):
        (problem,) = plan_chains(PLAIN, ("float",) if labels else ("string",), labels, asked)[1]
        assert said in str(problem)


def test_a_column_that_is_not_used_cannot_be_overwritten() -> None:
    (problem,) = plan_chains(PLAIN, ("float",), ("string",), {"integer": Asked()})[1]
    assert "column 'integer' is neither a feature nor a label" in str(problem)


def test_something_must_be_left_as_a_feature() -> None:
    (problem,) = plan_chains(PLAIN, (), PLAIN.names, {})[1]
    assert "no column left to be a feature" in str(problem)


def test_a_constant_must_be_a_finite_number() -> None:
    asked = {"float": Asked(fillings=(FILLINGS["constant"](value=float("nan")),))}
    (problem,) = plan_chains(PLAIN, ("float",), (), asked)[1]
    assert "value is nan" in str(problem)
