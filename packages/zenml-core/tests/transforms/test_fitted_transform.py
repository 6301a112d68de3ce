"""The fitted Transform: applied, saved, loaded, and refusing what it cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from chains_for_tests import learn

from zenml.data.schema import Schema
from zenml.data.transforms import Asked, Transform, plan_chains
from zenml.data.transforms.scaling import ScaleByMinMax
from zenml.errors import DataError

ROWS = pa.record_batch(
    {
        "sex": ["male", "female", None, "male"],
        "age": pa.array([20, None, 40, 30], pa.int64()),
        "fare": [1.0, 2.0, float("nan"), 5.0],
        "member": [True, False, None, True],
        "survived": ["no", "yes", "no", None],
        "score": pa.array([0.5, 1.5, None, 2.5]),
    }
)
FEATURES = ("sex", "age", "fare", "member")
LABELS = ("survived", "score")


@pytest.fixture
def transform() -> Transform:
    asked = {"fare": Asked(fillings=(), transforms=(ScaleByMinMax(),))}
    chains, problems = plan_chains(Schema.from_arrow(ROWS.schema), FEATURES, LABELS, asked)
    assert not problems
    fitted = tuple(learn(chain, ROWS.column(chain.name))[0] for chain in chains)
    return Transform(fitted, ({"sex": "male", "age": 20, "fare": None, "member": True},))


def test_it_says_what_it_takes_and_gives(transform: Transform) -> None:
    assert transform.features == {"sex": "string", "age": "integer", "fare": "float", "member": "boolean"}
    assert transform.labels == {"survived": "string", "score": "float"}
    assert transform.column_names == ["sex=female", "sex=male", "age", "fare", "member"]
    assert transform.label_values("survived") == ["no", "yes"]
    assert transform.label_values("score") is None
    assert transform.output_schema == pa.schema(
        {
            "sex": pa.list_(pa.float32(), 2),
            "age": pa.float32(),
            "fare": pa.float32(),
            "member": pa.float32(),
            "survived": pa.int64(),
            "score": pa.float64(),
        }
    )
    with pytest.raises(DataError, match=r"no label 'survive'. Did you mean survived\?"):
        transform.label_values("survive")


def test_features_and_labels_are_transformed(transform: Transform) -> None:
    out = transform.apply(ROWS)
    assert out.schema == transform.output_schema
    assert out.column("sex").to_pylist() == [[0, 1], [1, 0], [0, 1], [0, 1]]
    assert out.column("member").to_pylist() == [1, 0, 1, 1]
    assert out.column("survived").to_pylist() == [0, 1, 0, None]
    assert out.column("score").to_pylist() == [0.5, 1.5, None, 2.5]
    matrix = transform.matrix(out)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix[:, 3], [0, 0.25, np.nan, 1])
    np.testing.assert_allclose(matrix[:, 2], np.array([-10, 0, 10, 0]) / np.sqrt(50), rtol=1e-6)


def test_labels_may_be_absent_and_other_columns_are_ignored(transform: Transform) -> None:
    raw = ROWS.select(["fare", "member", "age", "sex"]).append_column("more", pa.array([[1]] * 4))
    out = transform.apply(raw)
    assert out.schema.names == list(FEATURES)
    assert transform.matrix(out).tobytes() == transform.matrix(transform.apply(ROWS)).tobytes()


def test_values_are_taken_from_kindred_types(transform: Transform) -> None:
    raw = pa.record_batch(
        {
            "sex": pa.array(["male", "female", None, "male"], pa.large_string()).dictionary_encode(),
            "age": [20.0, float("nan"), 40.0, 30.0],
            "fare": pa.array([1, 2, None, 5], pa.int8()),
            "member": ROWS.column("member"),
        }
    )
    out = transform.apply(raw)
    assert transform.matrix(out).tobytes() == transform.matrix(transform.apply(ROWS)).tobytes()
    nothing = pa.record_batch({name: pa.nulls(1) for name in FEATURES})
    assert transform.matrix(transform.apply(nothing))[0, 0] == 0


def test_missing_and_ill_typed_columns_are_named_all_at_once(transform: Transform) -> None:
    raw = pa.record_batch({"Sex": ["male"], "fare": ["1.0"], "age": [0.5], "member": [1], "survived": [True]})
    with pytest.raises(DataError) as caught:
        transform.apply(raw)
    text = str(caught.value)
    assert len(caught.value.problems) == 5
    assert "feature 'sex': the feature is missing. Did you mean Sex?" in text
    assert "feature 'fare': its values are of type string, but float is expected" in text
    assert "feature 'age': its values do not fit integer" in text
    assert "feature 'member'" in text
    assert "label 'survived'" in text


def test_it_is_saved_as_the_same_readable_files_and_loaded_unchanged(transform: Transform, tmp_path: Path) -> None:
    transform.save(tmp_path / "a")
    loaded = Transform.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["transform.json", "vocabulary-00000.arrow", "vocabulary-00001.arrow"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for name in transform.output_schema.names:
        found, wanted = (each.apply(ROWS).column(name) for each in (loaded, transform))
        assert str(found) == str(wanted)
    assert loaded.example == transform.example
    assert loaded.column_names == transform.column_names
    body = json.loads((tmp_path / "a" / "transform.json").read_text())
    assert body["features"][1]["steps"][0] == {"filling": "median", "parameters": {}, "learned": {"value": 30.0}}


def test_an_empty_batch_has_the_same_columns(transform: Transform) -> None:
    out = transform.apply(ROWS.slice(0, 0))
    assert out.schema == transform.output_schema
    assert transform.matrix(out).shape == (0, 5)


def test_damaged_and_newer_transforms_are_refused(transform: Transform, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        Transform.load(tmp_path)
    transform.save(tmp_path)
    file = tmp_path / "transform.json"
    body = json.loads(file.read_text())
    for change, said in (
        ({"format": 2}, "has format 2"),
        ({"features": [{"name": "x"}]}, "damaged"),
        ({"features": [{"name": "x", "type": "float", "steps": [{"transform": "eval"}]}]}, "damaged"),
    ):
        file.write_text(json.dumps({**body, **change}))
        with pytest.raises(DataError, match=said):
            Transform.load(tmp_path)
    text = json.dumps(body).replace("vocabulary-00000.arrow", "../vocabulary-00000.arrow")
    file.write_text(text)
    with pytest.raises(DataError, match="no file name"):
        Transform.load(tmp_path)
    file.write_text(json.dumps(body))
    (tmp_path / "vocabulary-00000.arrow").unlink()
    with pytest.raises(DataError, match=r"vocabulary-00000\.arrow"):
        Transform.load(tmp_path)
    (tmp_path / "vocabulary-00000.arrow").write_bytes(b"nothing")
    with pytest.raises(DataError, match="damaged"):
        Transform.load(tmp_path)
