"""Publishing on disks that fail: no artifact is half there, one clear error, and the next try is clean."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path

import pytest

from zenml.artifacts.handles import StoredArtifact
from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Examples
from zenml.errors import StoreError
from zenml.testing.faults import failing_writes


def make(store: ArtifactStore, attempt: str, size: int = 100) -> StoredArtifact:
    """Do what the runtime does for a step with two files."""
    new = store.new(Examples, "f00d", attempt)
    try:
        (new.path / "all").mkdir()
        (new.path / "all/shard-00000.arrow").write_bytes(os.urandom(size))
        (new.path / "schema.json").write_text("{}")
        return store.publish(new)
    except BaseException:
        store.discard(new)
        raise


def visible(store: ArtifactStore) -> list[str]:
    return [str(path.parent) for path in Path(store.path).rglob("manifest.json")]


def operations(tmp_path: Path) -> list[str]:
    with failing_writes(tmp_path) as calls:
        make(ArtifactStore(tmp_path / "counted"), "r1-1")
    return calls


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("error", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_a_fault_at_any_moment_leaves_no_artifact_and_the_next_try_is_clean(
    tmp_path: Path, error: int, lasting: bool
) -> None:
    count = len(operations(tmp_path))
    assert count >= 20
    for number in range(1, count + 1):
        store = ArtifactStore(tmp_path / str(number) / "artifacts")
        with (
            failing_writes(tmp_path, at=number, error=error, lasting=lasting) as calls,
            pytest.raises((StoreError, OSError)) as caught,
        ):
            make(store, "r1-1")
        assert len(calls) >= number
        assert visible(store) == []
        assert str(tmp_path) in str(caught.value)
        assert os.strerror(error) in str(caught.value)
        if isinstance(caught.value, StoreError):
            assert caught.value.problems[0].mend
        artifact = make(store, "r2-1")
        assert visible(store) == [artifact.uri]
        store.verify(artifact)


def test_only_what_a_step_writes_itself_fails_with_a_bare_error(tmp_path: Path) -> None:
    calls = operations(tmp_path)
    own = [
        number for number, call in enumerate(calls, 1) if call.split()[0] in ("open", "write") and "partial" not in call
    ]
    own += [number for number, call in enumerate(calls, 1) if call.startswith("mkdir") and call.endswith("/all")]
    for number in set(range(1, len(calls) + 1)) - set(own):
        store = ArtifactStore(tmp_path / str(number))
        with failing_writes(tmp_path, at=number), pytest.raises(StoreError):
            make(store, "r1-1")


def test_a_fault_while_a_run_file_is_written_leaves_the_old_one(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.write_bytes("runs/r1/status.json", b"old")
    with failing_writes(tmp_path) as calls:
        store.write_bytes("runs/r1/status.json", b"old")
    for number in range(1, len(calls)):  # the last one is the folder's sync, after the file took its place
        with failing_writes(tmp_path, at=number), pytest.raises(StoreError):
            store.write_bytes("runs/r1/status.json", b"new")
        assert store.read_bytes("runs/r1/status.json") == b"old"
        assert store.list("runs") == ["runs/r1/status.json"]


def test_a_folder_that_cannot_be_synced_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = ArtifactStore(tmp_path / "a")
    store.verify(make(store, "r1-1"))


def test_a_folder_that_vanishes_while_it_is_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArtifactStore(tmp_path / "a")
    real = Path.mkdir
    left = 3

    def mkdir(path: Path, *args: object, **named: object) -> None:
        nonlocal left
        if path.name == "r1-1" and left:
            left -= 1
            path.parent.rmdir()
        real(path, *args, **named)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(Path, "mkdir", mkdir)
    store.verify(make(store, "r1-1"))
    assert left == 0
    left = 1_000
    with pytest.raises(StoreError, match="No such file"):
        make(ArtifactStore(tmp_path / "b"), "r1-1")


def test_a_store_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Move the file away"):
        make(ArtifactStore(tmp_path / "file"), "r1-1")
    with pytest.raises(StoreError, match="Move the file away"):
        make(ArtifactStore(tmp_path / "file/below"), "r1-1")
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(StoreError, match="Make the folder writable"):
        make(ArtifactStore(tmp_path / "locked"), "r1-1")


def fill(file: RawIOBase) -> None:
    while True:
        file.write(b"x" * 4096)


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux":
        pytest.skip("mounting a tmpfs needs Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_mounted_for_reading_is_one_clear_error(small_disk: Path) -> None:
    store = ArtifactStore(small_disk / "artifacts")
    kept = make(store, "r1-1")
    new = store.new(Examples, "f00d", "r2-1")
    (new.path / "x").write_bytes(b"x")
    mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(StoreError, match="Read-only file system"):
        store.publish(new)
    store.discard(new)
    with pytest.raises(StoreError, match="Mount it for writing"):
        make(store, "r3-1")
    with pytest.raises(StoreError, match="Read-only file system"):
        store.write_bytes("runs/r1/status.json", b"1")
    assert visible(store) == [kept.uri]
    store.verify(kept)
    mount("-o", "remount,rw", str(small_disk))
    store.verify(make(store, "r4-1"))


def test_a_disk_that_is_full_is_one_clear_error_and_leaves_room_for_the_next_try(small_disk: Path) -> None:
    store = ArtifactStore(small_disk / "artifacts")
    kept = make(store, "r1-1")
    with pytest.raises(OSError, match="No space left"):
        make(store, "r2-1", size=400_000)
    new = store.new(Examples, "f00d", "r3-1")
    (new.path / "x").write_bytes(b"x" * 4096)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        fill(file)
    with pytest.raises(StoreError, match="Free some space"):
        store.publish(new)
    store.discard(new)
    filler.unlink()
    assert visible(store) == [kept.uri]
    store.verify(make(store, "r4-1"))
