from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.errors import StoreError
from zenml.testing.artifact_store import published
from zenml_aws.artifact_store import S3ArtifactStore


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], Counter[str]]:
    """Break the connection whenever part 2 is sent, so many times; count how often each part is sent."""
    import aiohttp

    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)

    def breaking(times: int) -> Counter[str]:
        sent: Counter[str] = Counter()
        real: Any = aiohttp.ClientSession._request

        async def request(session: Any, method: str, url: Any, **named: Any) -> Any:
            part = getattr(url, "query", {}).get("partNumber")
            if part:
                sent[part] += 1
            if part == "2" and sent["2"] <= times:
                raise aiohttp.ServerDisconnectedError
            return await real(session, method, url, **named)

        monkeypatch.setattr(aiohttp.ClientSession, "_request", request)
        return sent

    return breaking


def test_only_the_part_that_was_broken_off_is_sent_again(
    bucket: str, store_at: Callable[[str], S3ArtifactStore], parts: Callable[[int], Counter[str]]
) -> None:
    store = store_at(f"s3://{bucket}/dir")
    store.transport.part_size = 5 * 2**20  # type: ignore[attr-defined] # it is an S3Transport
    sent = parts(2)
    store.verify(published(store, {"large": bytes(11_000_000)}))
    assert sent == {"1": 1, "2": 3, "3": 1}


def test_a_part_that_never_arrives_leaves_nothing(
    bucket: str, store_at: Callable[[str], S3ArtifactStore], parts: Callable[[int], Counter[str]]
) -> None:
    store = store_at(f"s3://{bucket}/dir")
    store.transport.part_size = 5 * 2**20  # type: ignore[attr-defined] # it is an S3Transport
    parts(1000)
    with pytest.raises(StoreError, match="broke the connection off"):
        published(store, {"large": bytes(11_000_000), "small": b"x"})
    assert store.transport.unfinished() == []
    store.discard_attempt("f00d", "r1-1")
    assert store.list("Examples") == []
