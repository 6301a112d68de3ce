from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from zenml_spark.java import java_problem
from zenml_spark.session import SPARK


@pytest.fixture(scope="session")
def spark() -> Iterator[None]:
    """Skip where Spark cannot start, with the reason; end it after the last test."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed. Run: pip install zenml-spark")
    problem = java_problem()
    if problem:
        pytest.skip(str(problem))
    yield
    SPARK.close()
