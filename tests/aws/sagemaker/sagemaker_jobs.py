"""Jobs for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zenml.data.shards import ShardJob
from zenml.runtime.remote_shards import RemoteShards
from zenml_aws.sagemaker.backend import TrainingSagemakerBackend


def job(out: Path, op: str = "Arrays", machines: int = 1) -> ShardJob:
    """Return a job of an operation of the conformance kit, which stands for a training."""
    shards = tuple({"number": number, "raise": "data"} for number in range(1, 1 + machines))
    return ShardJob(f"zenml.testing.shard_ops:{op}", shards, str(out), {"scale": 1.0}, "train tried")


@contextmanager
def staged(backend: TrainingSagemakerBackend, out: Path) -> Iterator[RemoteShards]:
    """Give a job that is staged outside of any run."""
    with RemoteShards.stage(job(out), backend.staging) as shards:
        yield shards
