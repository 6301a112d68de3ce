"""Unordered sources: rows that come in any order, in any number of streams, become a snapshot that is always the same.

The rows are put into the order of a hash of their content, and rows with one hash into the order of the content itself;
so neither the streams nor the workers can be told from the result. Two shard jobs do it: one that a subclass of
`DealRows` gives the rows of a stream, which leaves them in sorted runs, and one that takes a range of hashes as a shard
and merges what all runs have of it. Where those ranges end depends on the rows alone.
"""

from __future__ import annotations

from zenml.data.unordered.deal import DealRows
from zenml.data.unordered.keep import Streams, keep_unordered

__all__ = ["DealRows", "Streams", "keep_unordered"]
