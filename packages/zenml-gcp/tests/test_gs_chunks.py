from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.testing.artifact_store import published
from zenml_gcp.artifact_store import GCSArtifactStore

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # gcsfs gives chunks to aiohttp


def test_only_the_chunk_that_was_broken_off_is_sent_again(
    bucket: str, store_at: Callable[[str], GCSArtifactStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aiohttp

    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr("gcsfs.retry.random.random", lambda: -32)  # so that gcsfs does not wait between its tries
    real: Any = aiohttp.ClientSession._request
    sent: list[str] = []

    async def request(session: Any, method: str, url: Any, **named: Any) -> Any:
        chunk = (named.get("headers") or {}).get("Content-Range")
        if chunk:
            sent.append(chunk)
        if chunk and len(sent) in (2, 3):
            raise aiohttp.ServerDisconnectedError
        return await real(session, method, url, **named)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", request)
    store = store_at(f"gs://{bucket}/dir")
    store.transport.chunk_size = 2**21  # type: ignore[attr-defined] # it is a GCSTransport
    store.verify(published(store, {"large": bytes(6_000_000)}))
    chunks = [f"bytes {start}-{end}/6000000" for start, end in ((0, 2097151), (2097152, 4194303), (4194304, 5999999))]
    assert sent == [chunks[0], chunks[1], chunks[1], chunks[1], chunks[2]]
