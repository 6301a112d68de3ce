from __future__ import annotations

import numpy as np
import pytest

from zenml.errors import DataError
from zenml_sklearn.estimators import build
from zenml_sklearn.integrity import broken
from zenml_sklearn.persistence import load, save

DATA = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
TARGET = (DATA[:, 0] > 0).astype(np.int64)


def change_tree(tree, field, value):
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    nodes[field][0] = value
    made = type(tree)(*tree.__reduce__()[1])
    made.__setstate__({**state, "nodes": nodes})
    return made


@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 10**6), ("right_child", 0), ("feature", 3), ("feature", -7)]
)
def test_a_tree_that_points_outside_of_itself_is_refused(field, value, tmp_path):
    forest = build("RandomForestClassifier", {"n_estimators": 2}, 0).fit(DATA, TARGET)
    assert broken(forest) == ""
    forest.estimators_[1].tree_ = change_tree(forest.estimators_[1].tree_, field, value)
    save(forest, tmp_path / "model.zip")
    with pytest.raises(DataError, match="the model file is damaged: a Tree in it points outside of itself"):
        load(tmp_path / "model.zip")


@pytest.mark.parametrize(("field", "value"), [("left", 10**6), ("right", 0), ("feature_idx", 3), ("feature_idx", -1)])
def test_a_boosted_tree_that_points_outside_of_itself_is_refused(field, value, tmp_path):
    model = build("HistGradientBoostingClassifier", {"max_iter": 1}, 0).fit(DATA, TARGET)
    assert broken(model) == ""
    model._predictors[0][0].nodes[field][0] = value
    save(model, tmp_path / "model.zip")
    with pytest.raises(DataError, match="a TreePredictor in it"):
        load(tmp_path / "model.zip")


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize("part", [1, 2])
def test_a_neighbour_tree_that_points_outside_of_itself_is_refused(algorithm, part, tmp_path):
    model = build("KNeighborsClassifier", {"algorithm": algorithm, "leaf_size": 5}, 0).fit(DATA, TARGET)
    assert broken(model) == ""
    state = [np.array(item) if isinstance(item, np.ndarray) else item for item in model._tree.__getstate__()]
    if part == 1:
        state[1][0] = 10**6
    else:
        state[2]["idx_end"][0] = 10**6
    tree = type(model._tree).__new__(type(model._tree))
    tree.__setstate__(tuple(state))
    model._tree = tree
    save(model, tmp_path / "model.zip")
    with pytest.raises(DataError, match="Tree in it points outside of itself"):
        load(tmp_path / "model.zip")
