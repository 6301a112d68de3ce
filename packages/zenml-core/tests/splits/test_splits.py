from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.artifacts.handles import StoredArtifact
from zenml.data.dealing import hash_borders
from zenml.data.hashing import row_hashes
from zenml.data.snapshot import Snapshot
from zenml.datasources.csv import CSVDatasource
from zenml.errors import ConfigError
from zenml.steps.split.no_split import NoSplit
from zenml.steps.split.random_split import RandomSplit


@pytest.fixture
def examples(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that commits a table of so many numbered rows."""

    def commit(rows: int) -> StoredArtifact:
        path = tmp_path / f"rows-{rows}.csv"
        path.write_text("n,word\n" + "".join(f"{n},w{n % 7}\n" for n in range(rows)))
        stored: StoredArtifact = run_step(CSVDatasource(name="rows", path=str(path)))
        return stored

    return commit


def numbers(stored: StoredArtifact, split: str) -> list[int]:
    return [n for batch in Snapshot.of(stored).batches(split, ["n"]) for n in batch.column(0).to_pylist()]


def test_every_row_goes_to_one_split_in_its_order(examples: Any, run_step: Any) -> None:
    split = run_step(RandomSplit(split_map={"train": 0.6, "eval": 0.3, "test": 0.1}), {"examples": examples(5000)})
    parts = {name: numbers(split, name) for name in Snapshot.of(split).splits}
    assert sorted(n for part in parts.values() for n in part) == [*range(5000)]
    assert all(part == sorted(part) for part in parts.values())
    assert {name: round(len(part) / 5000, 1) for name, part in parts.items()} == {
        "train": 0.6,
        "eval": 0.3,
        "test": 0.1,
    }
    assert split.properties["splits"]["train"] == {"shards": [len(parts["train"])], "rows": len(parts["train"])}
    assert Snapshot.of(split).statistics("eval").rows == len(parts["eval"])


def test_appended_rows_leave_the_others_where_they_were(examples: Any, run_step: Any) -> None:
    before, after = (run_step(RandomSplit(), {"examples": examples(rows)}) for rows in (1000, 1500))
    for name in ("train", "eval"):
        assert numbers(after, name)[: len(numbers(before, name))] == numbers(before, name)


def test_another_seed_gives_another_split(examples: Any, run_step: Any) -> None:
    table = examples(1000)
    one, two = (run_step(RandomSplit(), {"examples": table}, seed=seed) for seed in (1, 2))
    assert numbers(one, "train") != numbers(two, "train")


def test_the_order_of_the_map_does_not_matter(examples: Any, run_step: Any) -> None:
    table = examples(500)
    one = run_step(RandomSplit(split_map={"train": 0.7, "eval": 0.3}), {"examples": table})
    two = run_step(RandomSplit(split_map={"eval": 0.3, "train": 0.7}), {"examples": table})
    assert numbers(one, "eval") == numbers(two, "eval")


def test_no_split_gives_all_rows_as_train(examples: Any, run_step: Any) -> None:
    step = NoSplit(tfrecord=True)
    split = run_step(step, {"examples": examples(100)})
    assert Snapshot.of(split).splits == step.split_names({}) == ("train",)
    assert numbers(split, "train") == [*range(100)]
    assert (split.path / "tfrecord/train/shard-00000.tfrecord").stat().st_size > 0
    assert split.properties["tfrecord_casts"] == {}


def test_splits_of_splits_count_rows_over_all_of_them(examples: Any, run_step: Any) -> None:
    first = run_step(RandomSplit(), {"examples": examples(1000)})
    again = run_step(NoSplit(), {"examples": first})
    assert sorted(numbers(again, "train")) == [*range(1000)]
    assert len(Snapshot.of(again).shards("train")) == 2


def test_a_small_split_may_stay_empty(examples: Any, run_step: Any) -> None:
    split = run_step(RandomSplit(split_map={"train": 0.999, "eval": 0.001}), {"examples": examples(3)})
    assert numbers(split, "eval") == []
    assert Snapshot.of(split).statistics("eval").rows == 0


def test_lossy_copies_are_reported(tmp_path: Path, run_step: Any) -> None:
    (tmp_path / "t.csv").write_text("x\n0.1\n0.2\n")
    source = run_step(CSVDatasource(name="t", path=str(tmp_path / "t.csv"), tfrecord=False))
    split = run_step(NoSplit(tfrecord=True), {"examples": source})
    assert set(split.properties["tfrecord_casts"]) == {"x"}
    assert any("rounded to float32 in x" in note for note in run_step.notes.logs)


def test_split_names_are_known_before_the_run() -> None:
    assert RandomSplit().split_names({}) == ("train", "eval")
    assert RandomSplit(split_map={"a": 0.5, "b": 0.5}).split_names({}) == ("a", "b")


@pytest.mark.parametrize(
    ("split_map", "messages"),
    [
        ({}, ["at least one split is needed"]),
        ({"train": 0.7, "eval": 0.7}, ["the shares sum to 1.4, and must sum to 1"]),
        ({"train": 1.3, "eval": -0.3}, ["the share of 'eval' is -0.3, and must be above 0"]),
        ({"train": 1.0, "eval": 0.0}, ["the share of 'eval' is 0"]),
        ({"a/b": 0.5, "train": 0.2}, ["'a/b' cannot name a split", "the shares sum to 0.7"]),
        ({"tfrecord": 1.0}, ["'tfrecord' cannot name a split"]),
        ({"": 1.0}, ["'' cannot name a split"]),
        ({"train": 0.5, "Train": 0.5}, ["must differ by more than case"]),
        ({"train": float("nan")}, ["the share of 'train' is nan", "the shares sum to nan"]),
    ],
)
def test_bad_maps_are_refused_with_all_that_is_wrong(split_map: dict[str, float], messages: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        RandomSplit(split_map=split_map)
    assert all(message in str(error.value) for message in messages)
    assert str(error.value).startswith("RandomSplit.split_map: ")


counts = st.lists(st.integers(1, 1000), min_size=1, max_size=6)


@given(counts)
def test_borders_rise_to_the_whole(parts: list[int]) -> None:
    borders = [*hash_borders({f"s{place}": part / sum(parts) for place, part in enumerate(parts)}).values()]
    assert borders == sorted(borders)
    assert borders[-1] == 1 << 64


@given(seed=st.integers(0, 2**64), first=st.integers(0, 2**40), count=st.integers(0, 50), skip=st.integers(0, 50))
def test_a_rows_hash_depends_on_seed_and_number_alone(seed: int, first: int, count: int, skip: int) -> None:
    whole = row_hashes(seed, first, count + skip)
    assert np.array_equal(whole[skip:], row_hashes(seed, first + skip, count))


def test_hashes_follow_splitmix64() -> None:
    """The stream of a fixed state, computed from the published algorithm in plain integers."""
    mask = (1 << 64) - 1

    def mix(value: int) -> int:
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    expected = [mix((mix(1729) + (row + 1) * 0x9E3779B97F4A7C15) & mask) for row in range(10)]
    assert row_hashes(1729, 0, 10).tolist() == expected
