"""Principal components of a group of features: against scikit-learn, under merges and row by row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from chains_for_tests import learn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from zenml.data.shards import decode_state, encode_state
from zenml.data.transforms import TRANSFORMS, Chain, Covariance, FittedGroup, Group, Transform, group_problems
from zenml.data.transforms.pca import Pca, Projected
from zenml.data.transforms.values import ValueType
from zenml.errors import DataError


def rows(count: int, width: int = 5, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, width)) @ draw.normal(size=(width, width)) + draw.normal(100, 50, width)


def summed(*shards: np.ndarray) -> Covariance:
    whole = Covariance(shards[0].shape[1])
    for shard in shards:
        part = Covariance(shard.shape[1])
        part.update(shard.T)
        whole.merge(Covariance.from_state(decode_state(encode_state(part.to_state()))))
    return whole


@pytest.mark.parametrize("components", [1, 3, 5])
def test_components_agree_with_scikit_learn(components: int) -> None:
    table = rows(800)
    reference = PCA(components, svd_solver="full").fit(table)
    fitted = Pca(n_components=components).fit(summed(table[:100], table[100:500], table[500:]))
    np.testing.assert_allclose(fitted.components, reference.components_, atol=1e-6)
    np.testing.assert_allclose(fitted.explained_variance, reference.explained_variance_, rtol=1e-6)
    other = rows(50, seed=1)
    np.testing.assert_allclose(fitted.apply(list(other.T)), reference.transform(other), rtol=1e-6, atol=1e-4)
    assert (fitted.components[np.arange(components), np.abs(fitted.components).argmax(1)] > 0).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 6))
def test_covariances_are_merged_and_repeated_bit_by_bit(seed: int, cut: int, width: int) -> None:
    table = rows(40, width, seed)
    whole, parts = summed(table), summed(table[:cut], table[cut:])
    scale = np.abs(np.cov(table.T)).max()
    np.testing.assert_allclose(parts.matrix, np.cov(table.T).reshape(width, width), atol=1e-9 * scale, rtol=1e-9)
    np.testing.assert_allclose(parts.matrix, whole.matrix, atol=1e-9 * scale, rtol=1e-9)
    assert encode_state(parts.to_state()) == encode_state(summed(table[:cut], table[cut:]).to_state())


def test_rows_with_gaps_are_not_learned_from_and_come_out_as_not_a_number() -> None:
    table = rows(60)
    gaps = table.copy()
    gaps[::3, 1] = np.nan
    gaps[1, 0] = np.inf
    kept = np.isfinite(gaps).all(1)
    fitted = Pca(n_components=2).fit(summed(gaps[:20], gaps[20:]))
    reference = PCA(2, svd_solver="full").fit(table[kept])
    found = fitted.apply(list(gaps.T))
    np.testing.assert_allclose(found[kept], reference.transform(table[kept]), rtol=1e-5, atol=1e-4)
    assert np.isnan(found[::3]).all()
    with pytest.raises(ValueError, match="fewer than two rows"):
        Pca(n_components=1).fit(summed(gaps[:1], gaps[3:4]))


@pytest.fixture
def transform() -> Transform:
    names = ["a", "b", "c"]
    table = rows(100, 3)
    chains = [Chain(name, ValueType.FLOAT, False, (TRANSFORMS["scale_to_z_score"](),)) for name in (*names, "d")]
    fitted = [learn(chain, pa.array(column))[0] for chain, column in zip(chains, (*table.T, table[:, 0]), strict=True)]
    scaled = (table - table.mean(0)) / table.std(0)
    group = FittedGroup(Group("body", ("c", "a"), method := Pca(n_components=1)), method.fit(summed(scaled[:, [2, 0]])))
    return Transform(tuple(fitted), (), (group,))


def test_a_group_takes_the_place_of_its_features(transform: Transform, tmp_path: Path) -> None:
    table = rows(100, 3)
    batch = pa.record_batch({**dict(zip("abc", table.T, strict=True)), "d": table[:, 0]})
    out = transform.apply(batch)
    assert out.schema == transform.output_schema
    assert out.schema.names == ["b", "d", "body"]
    assert transform.column_names == ["b", "d", "body[0]"]
    scaled = (table - table.mean(0)) / table.std(0)
    wanted = PCA(1, svd_solver="full").fit_transform(scaled[:, [2, 0]])
    np.testing.assert_allclose(transform.matrix(out)[:, 2:], wanted, atol=1e-6)
    alone = [transform.matrix(transform.apply(batch.slice(row, 1))) for row in range(20)]
    assert np.concatenate(alone).tobytes() == transform.matrix(out)[:20].tobytes()
    transform.save(tmp_path)
    assert Transform.load(tmp_path).apply(batch).equals(out)
    assert Transform.load(tmp_path).output_schema == transform.output_schema
    body = json.loads((tmp_path / "transform.json").read_text())
    body["groups"][0]["learned"]["components"] = [[1.0]]
    (tmp_path / "transform.json").write_text(json.dumps(body))
    with pytest.raises(DataError, match="damaged"):
        Transform.load(tmp_path)


def test_no_direction_comes_out_with_a_variance_below_zero() -> None:
    column = np.linspace(0, 1, 50)
    fitted = Pca(n_components=2).fit(summed(np.stack([column, 2 * column], axis=1)))
    assert isinstance(fitted, Projected)
    assert fitted.explained_variance[1] >= 0


def test_every_problem_with_groups_is_found() -> None:
    chains = [
        Chain("a", ValueType.FLOAT, False, ()),
        Chain("b", ValueType.FLOAT, False, ()),
        Chain("text", ValueType.STRING, False, (TRANSFORMS["one_hot_encode"](),)),
        Chain("label", ValueType.FLOAT, True, ()),
    ]
    groups = [
        Group("a", ("a", "a"), Pca(n_components=3)),
        Group("g", ("a", "text", "label", "bb"), Pca(n_components=1)),
    ]
    text = "\n".join(map(str, group_problems(groups, chains, ["a", "b", "text", "label"])))
    assert "group 'a': a column of the data has the same name" in text
    assert "group 'a': n_components is 3, but there are 2 features" in text
    assert "group 'a': 'a' is twice" in text
    assert "group 'g': feature 'a' is in group 'a' too" in text
    assert "group 'g': feature 'text' comes out as a vector, but pca takes numbers" in text
    assert "group 'g': there is no feature 'label'" in text
    assert "group 'g': there is no feature 'bb'" in text
