"""Real tables: statistics agree with pandas, and frames of pandas and polars are read as what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zenml.data.statistics import TableStatistics
from zenml.datasources import CSVDatasource, DataFrameDatasource, PandasDatasource

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pl = pytest.importorskip("polars", reason="polars is not installed")

DATA = Path(__file__).parents[1] / "data"
DIABETES = Path(__file__).parents[2] / "examples/quickstart/data/diabetes.csv"


@pytest.fixture(params=[DATA / "penguins.csv", DATA / "flights.csv", DIABETES], ids=lambda path: path.stem)
def table(request: pytest.FixtureRequest) -> tuple[Any, TableStatistics, Path]:
    """A table as pandas reads it, its statistics, and its file; both take the same cells for missing."""
    path: Path = request.param
    nulls = CSVDatasource(name="Table", path=str(path)).null_values
    statistics = CSVDatasource(name="Table", path=str(path)).commit().statistics
    return pd.read_csv(path, na_values=nulls, keep_default_na=False), statistics, path


def test_statistics_agree_with_pandas(project: Path, table: tuple[Any, TableStatistics, Path]) -> None:
    frame, statistics, _ = table
    assert [column.name for column in statistics.columns] == list(frame.columns)
    for column in statistics.columns:
        cells = frame[column.name]
        assert (column.count, column.missing) == (cells.count(), cells.isna().sum()), column.name
        assert (column.distinct, column.distinct_exact) == (cells.nunique(), True), column.name
        if column.top:
            counts = cells.value_counts()
            assert [count for _, count in column.top] == counts.head(len(column.top)).tolist(), column.name
        if column.numbers and pd.api.types.is_numeric_dtype(cells):
            numbers = column.numbers
            assert (numbers.min, numbers.max) == (cells.min(), cells.max())
            assert numbers.mean == pytest.approx(cells.mean(), rel=1e-12)
            assert numbers.std == pytest.approx(cells.std(), rel=1e-9)
            assert numbers.sampled is None
            for share, value in numbers.quantiles.items():
                assert value == pytest.approx(cells.quantile(float(share)), rel=1e-9), (column.name, share)
            bars = np.histogram(cells.dropna(), bins=np.array(numbers.histogram.borders))[0]
            assert list(numbers.histogram.counts) == bars.tolist(), column.name
        if column.lengths:
            lengths = cells.dropna().str.len()
            assert (column.lengths.min, column.lengths.max) == (lengths.min(), lengths.max())
            assert column.lengths.mean == pytest.approx(lengths.mean(), rel=1e-12)


def test_a_frame_of_pandas_or_polars_is_the_table_that_its_file_is(
    project: Path, table: tuple[Any, TableStatistics, Path]
) -> None:
    frame, _, path = table
    wanted = CSVDatasource(name="Table", path=str(path)).commit().sample_data(10_000)
    nulls = CSVDatasource(name="Table", path=str(path)).null_values
    other = pl.read_csv(path, null_values=nulls, infer_schema_length=None)
    for source in (PandasDatasource(name="Frame", data=frame), DataFrameDatasource(name="Frame", data=other)):
        found = source.commit().sample_data(10_000)
        assert found.column_names == wanted.column_names
        for name in wanted.column_names:
            assert found[name].to_pylist() == wanted[name].to_pylist(), (type(source).__name__, name)
