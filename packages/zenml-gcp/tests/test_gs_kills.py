from __future__ import annotations

import os
from pathlib import Path

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.errors import StoreError
from zenml.testing.killed_publishing import FINGERPRINT, publish_and_kill
from zenml_gcp.artifact_store import GCSArtifactStore

FIRST = 3  # the requests before only look


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_killed_between_any_two_requests_leaves_nothing_that_is_seen(
    gcs: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    store = GCSArtifactStore(f"gs://{bucket}/dir", endpoint_url=gcs, anonymous=True)
    last = publish_and_kill(store, {"small": 10, "large": 6_000_000}, {"chunk_size": 2**21}, FIRST)
    assert last >= 8  # the look at the bucket, at the folder, a file, a begin, three chunks, a look, the manifest
    for number in range(FIRST, last):
        uri = store.uri(f"Examples/{FINGERPRINT}/r{number}-1")
        assert not store.exists(uri)
        with pytest.raises(StoreError, match="there is no artifact"):
            store.open(uri)
        store.discard_attempt(FINGERPRINT, f"r{number}-1")
    store.verify(store.open(store.uri(f"Examples/{FINGERPRINT}/r{last}-1")))
    assert {key.split("/")[2] for key in store.list("Examples")} == {f"r{last}-1"}
