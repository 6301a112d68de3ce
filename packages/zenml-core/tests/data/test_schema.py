from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.errors import DataError

schemas = st.lists(
    st.builds(Feature, st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(LogicalType)),
    unique_by=lambda feature: feature.name,
).map(lambda features: Schema(tuple(features)))


@given(schemas)
def test_schema_survives_json_and_arrow(schema: Schema) -> None:
    assert Schema.from_json(schema.to_json()) == schema
    assert Schema.from_arrow(schema.to_arrow()) == schema


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
