"""Runs pipelines one after another, prints their ids; started as a process of its own by the tests under load."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zenml.datasources import CSVDatasource
from zenml.metadata.store import MetadataStore
from zenml.pipelines import DataPipeline
from zenml.steps.split import RandomSplit


class _Silent:
    def log(self, message: str) -> None:
        pass

    def warn(self, message: str) -> None:
        pass

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Callable[..., None]]:
        yield lambda *_, **__: None


def run(block: str, artifacts: str, first: int, count: int) -> None:
    """Run the pipelines numbered from `first`; every tenth has the same split, so that most steps are shared."""
    store = MetadataStore.from_config(json.loads(block))
    for number in range(first, first + count):
        train = 0.5 + number % 10 / 40
        pipeline = DataPipeline(name=f"Load {number % 3}")
        pipeline.add_datasource(CSVDatasource(name="Table", path="table.csv"))
        pipeline.add_step(RandomSplit(split_map={"train": train, "eval": 1 - train}))
        done = pipeline.run(metadata_store=store, artifact_store=artifacts, report=_Silent())
        print(done.id, flush=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
