"""Columns of lists in a preprocesser: vectors as they are, and everything else refused before the work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zenml.errors import DataError
from zenml.steps.preprocesser.standard import StandardPreprocesser

TABLE = pa.table(
    {
        "v": pa.array([[0.5, 1.0], [2.0, None], None, [np.inf, 4.0]], pa.list_(pa.float64(), 2)),
        "bag": pa.array([[1], [], [2, 3], [4]]),
        "tags": pa.array([["a"], ["b"], [], ["a"]]),
        "x": [1, 2, 3, 4],
        "y": [0, 1, 0, 1],
    }
)
KEPT = {"v": {"transform": [{"method": "no_transform"}]}}


def test_vectors_are_features_as_they_are(preprocess: Any, snapshot: Any) -> None:
    step = StandardPreprocesser(features=["v", "x"], labels=["y"], overwrite=KEPT)
    made = preprocess(snapshot(train=TABLE), step)
    column = made.table("train").column("v").combine_chunks()
    assert column.type == pa.list_(pa.float32(), 2)
    wanted = np.float32([[0.5, 1.0], [2.0, np.nan], [np.nan, np.nan], [np.inf, 4.0]])
    assert np.array_equal(column.flatten().to_numpy().reshape(-1, 2), wanted, equal_nan=True)
    transform = made.fitted
    assert transform.column_names == ["v[0]", "v[1]", "x"]
    batch = TABLE.to_batches()[0]
    whole = transform.matrix(transform.apply(batch))
    assert np.array_equal(whole[:, :2], wanted, equal_nan=True)
    alone = [transform.matrix(transform.apply(batch.slice(row, 1))) for row in range(4)]
    assert np.array_equal(np.concatenate(alone), whole, equal_nan=True)
    listed = batch.set_column(0, "v", batch.column("v").cast(pa.list_(pa.float64())))
    assert transform.apply(listed).equals(transform.apply(batch)) or np.array_equal(
        transform.matrix(transform.apply(listed)), whole, equal_nan=True
    )


@pytest.mark.parametrize("values", [[[1.0]], [1.0], [["a", "b"]], [[[1.0], [2.0]]]])
def test_a_fitted_transform_refuses_other_vectors(preprocess: Any, snapshot: Any, values: list[Any]) -> None:
    made = preprocess(snapshot(train=TABLE), StandardPreprocesser(features=["v"], labels=["y"], overwrite=KEPT))
    with pytest.raises(DataError, match="feature 'v'"):
        made.fitted.apply(pa.record_batch({"v": values}))


def test_what_makes_no_sense_of_lists_is_refused_all_at_once(preprocess: Any, snapshot: Any) -> None:
    overwrite = {
        "v": {"transform": [{"method": "scale_to_z_score"}]},
        "bag": {"transform": [{"method": "scale_to_z_score"}]},
    }
    step = StandardPreprocesser(labels=["y", "tags"], overwrite=overwrite)
    with pytest.raises(DataError) as error:
        preprocess(snapshot(train=TABLE), step)
    said = {problem.where: f"{problem.what}. {problem.mend}" for problem in error.value.problems}
    assert said.keys() == {"feature 'v'", "feature 'bag'", "label 'tags'"}
    assert "list<float>[2]) can be used only as it is. Name no_transform" in said["feature 'v'"]
    assert 'tell how long its lists are: types={"bag": "list<integer>[3]"} for files' in said["feature 'bag'"]
    assert "a label is one value" in said["label 'tags'"]
