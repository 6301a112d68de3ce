"""Jobs for tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from zenml.data.shards import ShardJob
from zenml.runtime.remote_shards import RemoteShards
from zenml_aws.emr.backend import ProcessingEMRBackend

Make = Callable[..., ProcessingEMRBackend]
"""Makes a backend that leads to the double, with more options where some are given."""


@contextmanager
def staged(backend: ProcessingEMRBackend, out: Path) -> Iterator[RemoteShards]:
    """Give a job that is staged outside of any run."""
    with RemoteShards.stage(job(out), backend.staging) as shards:
        yield shards


def job(
    out: Path, op: str = "Arrays", shards: tuple[Mapping[str, object], ...] = ({"number": 1}, {"number": 2})
) -> ShardJob:
    """Return a job of an operation of the conformance kit."""
    return ShardJob(f"zenml.testing.shard_ops:{op}", shards, str(out), {"scale": 1.0}, "tried")


def need_spark() -> None:
    """Skip where Spark cannot run."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed. Run: pip install zenml-spark")
    from zenml_spark.java import java_problem

    problem = java_problem()
    if problem:
        pytest.skip(str(problem))
