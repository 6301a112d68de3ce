from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.fsspec_transport import FsspecTransport
from zenml.artifacts.progress import show_transfers
from zenml.artifacts.read_cache import FOLDER_VARIABLE, SIZE_VARIABLE
from zenml.artifacts.retrying import retried
from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Examples
from zenml.errors import ConfigError, StoreError
from zenml.testing.artifact_store import FILES, contents, published


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(f"local://{tmp_path}/far")


class Flaky:
    """Stands for a file system of which every other operation fails."""

    def __init__(self, inner: Any, error: Exception, every: int = 2) -> None:
        self._inner, self._error, self._every = inner, error, every
        self._calls = 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name.startswith("_") or not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self._calls += 1
                fails = self._calls % self._every == 0
            if fails:
                raise self._error
            return found(*arguments, **named)

        return call


def make_flaky(store: ArtifactStore, error: Exception, every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = store.transport
    assert isinstance(transport, FsspecTransport)
    flaky = Flaky(transport._filesystem(), error, every)
    monkeypatch.setattr(transport, "_opened", flaky)
    monkeypatch.setattr("zenml.artifacts.retrying.time.sleep", lambda _: None)


def test_what_fails_for_a_moment_is_tried_again(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    make_flaky(store, ConnectionResetError("broken off"), 5, monkeypatch)
    monkeypatch.setattr(FsspecTransport, "TRIES", 20)
    made = published(store, FILES)
    store.verify(made)
    assert contents(store.open(made.uri)) == FILES


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionResetError("broken off"), "cannot be reached: broken off. Check the network"),
        (TimeoutError(), "cannot be reached: TimeoutError"),
        (PermissionError(13, "Permission denied", "/x"), "Permission denied"),
        (NotImplementedError(), "cannot be written to"),
        (ImportError("no paramiko"), "a package is missing: no paramiko"),
        (RuntimeError("first\nsecond"), "answered with an error: first$"),
    ],
)
def test_an_error_that_lasts_is_told_in_one_line(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    make_flaky(store, error, 1, monkeypatch)
    with pytest.raises(StoreError, match=told) as caught:
        store.write_bytes("x", b"1")
    assert "\n" not in str(caught.value)


def test_files_that_did_not_arrive_are_missed(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.transport, "_send", lambda *_: None)
    with pytest.raises(StoreError, match="not all files arrived: 4 were sent, and 0 are there"):
        published(store, FILES)


def test_a_cache_hit_fetches_nothing(store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = published(store, FILES)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cold"))
    found = ArtifactStore(store.path).open(made.uri)
    assert found == made
    assert hash(found) == hash(made)
    assert repr(made.uri) in repr(found)
    assert not (tmp_path / "cold").exists()
    assert contents(found) == FILES


def test_large_transfers_are_shown(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("zenml.artifacts.progress.LEAST", 1000)
    bars: list[tuple[str, float, list[float]]] = []

    @contextmanager
    def show(label: str, total: float) -> Any:
        bars.append((label, total, []))
        yield bars[-1][2].append

    with show_transfers(show):
        made = published(store, {"x": bytes(3_000_000)})
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cold"))
        assert ArtifactStore(store.path).open(made.uri).path
    assert [(label, total) for label, total, _ in bars] == [("storing Examples (MB)", 3), ("reading Examples (MB)", 3)]
    assert [sum(moved) for _, _, moved in bars] == pytest.approx([3, 3])


def test_pauses_grow_and_the_last_error_is_raised() -> None:
    pauses: list[float] = []
    tries = 0

    def work() -> None:
        nonlocal tries
        tries += 1
        raise TimeoutError(f"number {tries}")

    with pytest.raises(TimeoutError, match="number 4"):
        retried(work, lambda error: isinstance(error, TimeoutError), 4, pauses.append)
    assert pauses[0] < 0.31 < pauses[2] < 1.21
    with pytest.raises(TimeoutError, match="number 5"):
        retried(work, lambda _: False, 4, pauses.append)
    with pytest.raises(ValueError, match="at least one"):
        retried(work, lambda _: True, 0)


def test_a_mistake_in_the_size_of_the_cache_is_told_at_once(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, "much")
    with pytest.raises(ConfigError, match="'much' is no size"):
        store.new(Examples, "f00d", "r1-1")


def test_a_store_out_of_reach_keeps_no_files_here(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    new = store.new(Examples, "f00d", "r1-1")
    (new.path / "x").write_bytes(b"x")
    make_flaky(store, ConnectionResetError("broken off"), 1, monkeypatch)
    with pytest.raises(StoreError, match="broken off"):
        store.publish(new)
    store.discard(new)
    assert not new.path.exists()
