"""What Dataflow's workers run: the shards of a staged job."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam


class WorkRemotely(apache_beam.DoFn):  # type: ignore[misc] # Beam is not type-checked here
    """Works on shards, each of whose answers goes to the bucket; the code is fetched before the first one.

    Args:
        uri: of the staged job.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def process(self, number: int) -> Iterator[int]:
        """Work on a shard."""
        from zenml.runtime.remote_shards_worker import work_on

        yield from work_on(self._uri, [number])
