"""Splits by the categories of one column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.handles import StoredArtifact
from zenml.data.schema import LogicalType
from zenml.data.snapshot import Snapshot
from zenml.datasources.csv import CSVDatasource
from zenml.errors import ConfigError, DataError
from zenml.steps.base import Step
from zenml.steps.split.categorical_domain_split import CategoricalDomainSplit
from zenml.steps.split.categorical_ratio_split import CategoricalRatioSplit

COLOURS = ["red", "green", "blue", "yellow", ""]


@pytest.fixture
def table(tmp_path: Path, run_step: Any) -> Any:
    """Return a function that commits so many rows of a number, a colour, a year and a flag."""

    def commit(rows: int = 1000) -> StoredArtifact:
        path = tmp_path / f"colours-{rows}.csv"
        lines = [f"{n},{COLOURS[n % 5]},{2000 + n % 3},{'true' if n % 2 else 'false'},{n / 2}" for n in range(rows)]
        path.write_text("n,colour,year,flag,half\n" + "\n".join(lines) + "\n")
        stored: StoredArtifact = run_step(CSVDatasource(name="colours", path=str(path)))
        return stored

    return commit


def cells(stored: StoredArtifact, split: str, column: str = "n") -> list[Any]:
    return [n for batch in Snapshot.of(stored).batches(split, [column]) for n in batch.column(0).to_pylist()]


def test_categories_go_to_their_splits_and_others_are_skipped(table: Any, run_step: Any) -> None:
    step = CategoricalDomainSplit(categorical_column="colour", split_map={"train": ["red", "green"], "eval": ["blue"]})
    split = run_step(step, {"examples": table()})
    assert set(cells(split, "train", "colour")) == {"red", "green"}
    assert cells(split, "train") == [n for n in range(1000) if n % 5 < 2]
    assert cells(split, "eval") == [n for n in range(1000) if n % 5 == 2]
    assert split.properties["skipped"] == 400
    assert "400 of 1,000 rows are in no split" in run_step.notes.logs
    assert step.split_names({}) == ("train", "eval")


def test_unknown_categories_and_missing_cells_may_have_a_split(table: Any, run_step: Any) -> None:
    step = CategoricalDomainSplit(
        categorical_column="colour", split_map={"train": ["red"], "eval": ["blue"]}, unknown_category_policy="eval"
    )
    split = run_step(step, {"examples": table()})
    assert cells(split, "eval") == [n for n in range(1000) if n % 5]
    assert split.properties["skipped"] == 0


def test_missing_cells_may_be_a_category(table: Any, run_step: Any) -> None:
    step = CategoricalDomainSplit(categorical_column="colour", split_map={"train": ["red"], "eval": [None]})
    split = run_step(step, {"examples": table()})
    assert set(cells(split, "eval", "colour")) == {None}


@pytest.mark.parametrize(
    ("column", "split_map", "train"),
    [
        ("year", {"train": [2000, 2001], "eval": [2002]}, lambda n: n % 3 < 2),
        ("flag", {"train": [True], "eval": [False]}, lambda n: n % 2 == 1),
    ],
)
def test_integers_and_booleans_are_categories_too(
    column: str, split_map: dict[str, Any], train: Any, table: Any, run_step: Any
) -> None:
    split = run_step(CategoricalDomainSplit(categorical_column=column, split_map=split_map), {"examples": table(300)})
    assert cells(split, "train") == [n for n in range(300) if train(n)]


def test_whole_categories_are_shared_out_in_their_order(table: Any, run_step: Any) -> None:
    step = CategoricalRatioSplit(
        categorical_column="colour",
        categories=["red", "green", "blue", "yellow"],
        split_ratio={"train": 0.5, "eval": 0.5},
    )
    split = run_step(step, {"examples": table()})
    assert set(cells(split, "train", "colour")) == {"red", "green"}
    assert set(cells(split, "eval", "colour")) == {"blue", "yellow"}
    assert step.split_names({}) == ("train", "eval")


def test_the_rows_of_each_category_are_shared_out(table: Any, run_step: Any) -> None:
    step = CategoricalRatioSplit(
        categorical_column="colour",
        categories=["red", "green"],
        split_ratio={"train": 0.7, "eval": 0.3},
        ratio_of="rows",
        unknown_category_policy="eval",
    )
    before, after = (run_step(step, {"examples": table(rows)}) for rows in (5000, 6000))
    for colour in ("red", "green"):
        assert cells(before, "train", "colour").count(colour) / 1000 == pytest.approx(0.7, abs=0.05)
    assert set(cells(before, "train", "colour")) == {"red", "green"}
    for name in ("train", "eval"):
        assert cells(after, name)[: len(cells(before, name))] == cells(before, name)


@pytest.mark.parametrize(
    "step",
    [
        CategoricalDomainSplit(categorical_column="colour", split_map={"train": ["red"], "eval": ["blue"]}),
        CategoricalRatioSplit(
            categorical_column="year", categories=[2000, 2001], split_ratio={"train": 0.5, "eval": 0.5}
        ),
    ],
    ids=lambda step: type(step).__name__,
)
def test_appended_rows_leave_the_others_where_they_were(step: Step, table: Any, run_step: Any) -> None:
    before, after = (run_step(step, {"examples": table(rows)}) for rows in (300, 450))
    for name in ("train", "eval"):
        assert cells(after, name)[: len(cells(before, name))] == cells(before, name)


def test_the_order_of_the_ratios_does_not_matter(table: Any, run_step: Any) -> None:
    source = table(300)
    ratios = ({"train": 0.25, "a": 0.25, "z": 0.5}, {"z": 0.5, "a": 0.25, "train": 0.25})
    steps = [
        CategoricalRatioSplit(
            categorical_column="colour", categories=["red", "green", "blue", "yellow"], split_ratio=ratio
        )
        for ratio in ratios
    ]
    for split in [run_step(step, {"examples": source}) for step in steps]:
        assert [set(cells(split, name, "colour")) for name in ("train", "a", "z")] == [
            {"red"},
            {"green"},
            {"blue", "yellow"},
        ]


def test_a_category_without_rows_is_told_with_the_closest_one(table: Any, run_step: Any) -> None:
    step = CategoricalDomainSplit(categorical_column="colour", split_map={"train": ["red"], "eval": ["bleu"]})
    run_step(step, {"examples": table(100)})
    assert run_step.notes.warnings == [
        "split 'eval' has no rows",
        "no row has the category 'bleu' in 'colour'. Did you mean blue?",
    ]


def test_a_split_without_any_row_is_refused(table: Any, run_step: Any) -> None:
    step = CategoricalDomainSplit(categorical_column="colour", split_map={"train": ["pink"], "eval": ["grey"]})
    with pytest.raises(DataError, match="all 100 rows are skipped"):
        run_step(step, {"examples": table(100)})


@pytest.mark.parametrize(
    ("column", "categories", "messages"),
    [
        ("color", ["red"], ["there is no column 'color'. Did you mean colour?", "categorical_column"]),
        ("half", [1], ["column 'half' is of type float. It takes: integer, boolean, string"]),
        ("year", ["2000", True], ["type integer, and '2000' is not", "type integer, and True is not", "[1, 2]"]),
        ("year", [1 << 70], ["beyond the integers"]),
        ("colour", [1], ["type string, and 1 is not. Put it in quotes"]),
        ("flag", [1], ["type boolean, and 1 is not"]),
    ],
)
def test_columns_and_categories_that_do_not_fit_are_all_named(
    column: str, categories: list[Any], messages: list[str], table: Any, run_step: Any
) -> None:
    step = CategoricalDomainSplit(categorical_column=column, split_map={"train": categories})
    with pytest.raises(DataError) as error:
        run_step(step, {"examples": table(100)})
    assert all(message in str(error.value) for message in messages)


@pytest.mark.parametrize(
    ("config", "messages"),
    [
        ({"split_map": {}}, ["at least one split is needed"]),
        ({"split_map": {"train": ["a"], "eval": []}}, ["split 'eval' has no category"]),
        ({"split_map": {"train": ["a"], "eval": ["a"]}}, ["category 'a' is listed twice"]),
        (
            {"split_map": {"train": ["a"]}, "unknown_category_policy": "trian"},
            ["'trian' is neither 'skip' nor a split", "Did you mean train?"],
        ),
        ({"split_map": {"tfrecord": ["a"], "b/": ["b"]}}, ["'tfrecord' cannot", "'b/' cannot"]),
    ],
)
def test_bad_domains_are_refused_with_all_that_is_wrong(config: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        CategoricalDomainSplit(categorical_column="colour", **config)
    assert all(message in str(error.value) for message in messages)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"categories": ["a", "b"], "split_ratio": {"train": 0.7, "eval": 0.7}}, "the shares sum to 1.4"),
        (
            {"categories": ["a"], "split_ratio": {"train": 0.5, "eval": 0.5}},
            "1 categories are too few for split 'eval'",
        ),
        ({"categories": [], "split_ratio": {"train": 1.0}}, "categories"),
        ({"categories": ["a", "a"], "split_ratio": {"train": 1.0}}, "category 'a' is listed twice"),
    ],
)
def test_bad_ratios_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CategoricalRatioSplit(categorical_column="colour", **config)


def test_one_and_true_are_two_categories() -> None:
    CategoricalDomainSplit(categorical_column="c", split_map={"train": [1], "eval": [True]})
    assert LogicalType.BOOLEAN.value == "boolean"
