from __future__ import annotations

import os
from pathlib import Path

import pytest

from zenml.artifacts.fsspec_transport import FsspecTransport
from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.errors import StoreError
from zenml.testing.killed_publishing import FINGERPRINT, publish_and_kill
from zenml_aws.artifact_store import S3ArtifactStore

FIRST = 3  # the requests before only look


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_killed_between_any_two_requests_leaves_nothing_that_is_seen(
    s3: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    store = S3ArtifactStore(f"s3://{bucket}/dir", endpoint_url=s3)
    last = publish_and_kill(store, {"small": 10, "large": 10_500_000}, {"part_size": 5 * 2**20}, FIRST)
    assert (
        last >= 9
    )  # the look at the bucket, at the folder, a file, a begin, three parts, an end, a look, the manifest
    for number in range(FIRST, last):
        uri = store.uri(f"Examples/{FINGERPRINT}/r{number}-1")
        assert not store.exists(uri)
        with pytest.raises(StoreError, match="there is no artifact"):
            store.open(uri)
    store.verify(store.open(store.uri(f"Examples/{FINGERPRINT}/r{last}-1")))

    assert len(unfinished(store, bucket)) >= 4
    for number in range(FIRST, last):
        store.discard_attempt(FINGERPRINT, f"r{number}-1")
    assert unfinished(store, bucket) == []
    assert {key.split("/")[2] for key in store.list("Examples")} == {f"r{last}-1"}


def unfinished(store: S3ArtifactStore, bucket: str) -> list[str]:
    """Keys of the uploads in parts that were begun and not ended."""
    assert isinstance(store.transport, FsspecTransport)
    found = store.transport._filesystem().call_s3("list_multipart_uploads", Bucket=bucket)
    return [upload["Key"] for upload in found.get("Uploads", ())]
