"""Tables for the tests of sequencers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from zenml.artifacts.handles import StoredArtifact
from zenml.data.schema import Schema
from zenml.data.splits import fold_split, shard_writer, write_schema
from zenml.data.statistics import sample_size


def _store(folder: Path, splits: dict[str, Sequence[pa.Table]]) -> StoredArtifact:
    schema = Schema.from_arrow(next(iter(splits.values()))[0].schema)
    properties: dict[str, Any] = {"splits": {}}
    for split, some in splits.items():
        states = []
        for number, table in enumerate(some):
            with shard_writer(folder, split, number, schema, sample=sample_size(1), tfrecord=False) as writer:
                for batch in table.cast(schema.to_arrow()).to_batches(max_chunksize=97):
                    writer.write(batch)
            states.append(writer.state)
        properties["splits"][split] = fold_split(folder, split, schema, states)
    write_schema(folder, schema)
    return StoredArtifact("Examples", folder.as_uri(), f"sha256:{'0' * 64}", folder, properties)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., StoredArtifact]:
    """Return a function that commits tables as the shards of the split `all`, or of the splits that it is given."""

    def commit(*tables: pa.Table, **splits: Sequence[pa.Table]) -> StoredArtifact:
        return _store(tmp_path_factory.mktemp("examples"), {**splits, **({"all": tables} if tables else {})})

    return commit
