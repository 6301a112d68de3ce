from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.schema import ELEMENTS, Feature, ListType, LogicalType, Schema, feature_type
from zenml.errors import DataError

lists = st.builds(ListType.of, st.sampled_from(ELEMENTS), st.none() | st.integers(1, 2000))
schemas = st.lists(
    st.builds(Feature, st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(LogicalType) | lists),
    unique_by=lambda feature: feature.name,
).map(lambda features: Schema(tuple(features)))


@given(schemas)
def test_schema_survives_json_and_arrow(schema: Schema) -> None:
    assert Schema.from_json(schema.to_json()) == schema
    assert Schema.from_arrow(schema.to_arrow()) == schema


@given(lists)
def test_a_type_of_lists_is_its_own_text(kind: ListType) -> None:
    assert feature_type(str(kind)) == feature_type(kind.element, kind.shape) == kind
    assert kind.value == str(kind)
    assert not kind.numeric


def test_a_schema_without_shapes_is_one_of_single_values() -> None:
    schema = Schema.from_json('{"format": 1, "features": [{"name": "a", "type": "float"}]}')
    assert schema["a"] == Feature("a", LogicalType.FLOAT)
    assert schema["a"].shape == ()
    assert "shape" not in schema.to_json()


@pytest.mark.parametrize(
    "text", ["list<boolean>", "list<float>[0]", "list<float", "list", "list<list<float>>", "number"]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        feature_type(text)


def test_narrow_and_large_types_count_as_their_kin() -> None:
    arrow = pa.schema({"a": pa.int8(), "b": pa.float32(), "c": pa.large_utf8(), "d": pa.large_binary()})
    assert [feature.type.value for feature in Schema.from_arrow(arrow)] == ["integer", "float", "string", "bytes"]


def test_foreign_types_are_all_named() -> None:
    arrow = pa.schema({"a": pa.list_(pa.bool_()), "b": pa.int8(), "c": pa.date32()})
    with pytest.raises(DataError) as error:
        Schema.from_arrow(arrow)
    assert [problem.where for problem in error.value.problems] == ["a", "c"]


def test_unknown_column_names_the_closest() -> None:
    schema = Schema((Feature("age", LogicalType.INTEGER), Feature("bmi", LogicalType.FLOAT)))
    assert schema["bmi"].type.numeric
    assert "age" in schema
    assert len(schema) == 2
    with pytest.raises(DataError, match=r"no column 'agee'. Did you mean age\?"):
        schema["agee"]
    with pytest.raises(DataError, match="Columns: age, bmi"):
        schema["zzz"]
