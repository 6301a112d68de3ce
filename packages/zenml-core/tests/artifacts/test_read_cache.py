from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from zenml.artifacts import read_cache
from zenml.artifacts.manifest import File, Manifest
from zenml.artifacts.read_cache import DEFAULT_SIZE, SIZE_VARIABLE, ReadCache, parse_size
from zenml.errors import ConfigError


class Source:
    """Stands for a store: knows the artifacts, and counts how often each is fetched."""

    def __init__(self, cache: ReadCache) -> None:
        self.cache = cache
        self.fetched: list[str] = []

    def manifest(self, name: str, size: int = 1000) -> Manifest:
        data = name.encode().ljust(size)
        return Manifest("Examples", (File("all/x", size, hashlib.sha256(data).hexdigest()),), {"name": name})

    def get(self, name: str, size: int = 1000) -> Path:
        def fetch(folder: Path, files: Sequence[File]) -> None:
            self.fetched.append(name)
            (folder / "all").mkdir()
            (folder / "all/x").write_bytes(name.encode().ljust(files[0].size))

        return self.cache.get(self.manifest(name, size), fetch)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.delenv(SIZE_VARIABLE, raising=False)
    monkeypatch.setattr(read_cache, "_verified", set())
    return Source(ReadCache(tmp_path / "cache"))


def forget_uses(source: Source) -> None:
    """Do as if the process that used the entries had ended."""
    for path in source.cache.root.glob("work/*/uses/*"):
        path.unlink()


def test_an_artifact_is_fetched_once(source: Source) -> None:
    path = source.get("a")
    assert (path / "all/x").read_bytes() == b"a".ljust(1000)
    assert source.get("a") == path
    assert source.fetched == ["a"]
    assert source.cache.size == 1000


@pytest.mark.parametrize("damage", ["changed", "gone", "extra"])
def test_a_damaged_entry_is_found_at_the_first_read_in_a_process(
    source: Source, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    file = source.get("a") / "all/x"
    file.chmod(0o644)
    if damage == "changed":
        file.write_bytes(b"b".ljust(1000))
    elif damage == "gone":
        file.unlink()
    else:
        (file.parent / "y").write_text("")
    monkeypatch.setattr(read_cache, "_verified", set())
    path = source.get("a")
    assert (path / "all/x").read_bytes() == b"a".ljust(1000)
    assert [found.name for found in (path / "all").iterdir()] == ["x"]
    assert source.fetched == ["a", "a"]


def test_what_was_used_longest_ago_goes_first(source: Source) -> None:
    source.cache.set_limit(2500)
    for age, name in enumerate("ab"):
        os.utime(source.get(name), (age, age))
    source.get("a")
    forget_uses(source)
    source.get("c")
    assert source.cache.size == 2000
    source.get("a")
    assert source.fetched == ["a", "b", "c"]
    source.get("b")
    assert source.fetched == ["a", "b", "c", "b"]


def test_what_is_in_use_stays_though_it_is_too_much(source: Source) -> None:
    source.cache.set_limit(1500)
    paths = [source.get(name) for name in "abc"]
    assert all(path.is_dir() for path in paths)
    source.cache.clear()
    assert all(path.is_dir() for path in paths)
    forget_uses(source)
    source.cache.trim()
    assert source.cache.size == 1000
    source.cache.clear()
    assert source.cache.size == 0


def test_a_failed_fetch_leaves_nothing(source: Source) -> None:
    def fail(folder: Path, files: Sequence[File]) -> None:
        (folder / "half").write_text("half")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        source.cache.get(source.manifest("a"), fail)
    assert source.cache.size == 0
    assert not list(source.cache.root.rglob("half"))


def test_the_size_comes_from_the_environment_then_from_the_setting(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source.cache.limit == DEFAULT_SIZE
    source.cache.set_limit(5000)
    assert ReadCache(source.cache.root).limit == 5000
    monkeypatch.setenv(SIZE_VARIABLE, "1.5 KB")
    assert source.cache.limit == 1500
    monkeypatch.setenv(SIZE_VARIABLE, "lots")
    with pytest.raises(ConfigError, match=SIZE_VARIABLE):
        assert source.cache.limit


@pytest.mark.parametrize(
    ("text", "size"), [("7", 7), ("20GB", 20 * 10**9), ("1.5 TiB", 3 * 2**39), ("3 mb", 3_000_000), ("0", 0)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1 PB", "1e9", "1,5 GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no size"):
        parse_size(text)


READER = """
import hashlib, sys
from pathlib import Path
from zenml.artifacts.manifest import File, Manifest
from zenml.artifacts.read_cache import ReadCache

cache = ReadCache(Path(sys.argv[1]))
for number in range(60):
    name = str(number * int(sys.argv[2]) % 12)
    data = name.encode().ljust(1000)
    def fetch(folder, files):
        (folder / "x").write_bytes(data)
    path = cache.get(Manifest("Model", (File("x", 1000, hashlib.sha256(data).hexdigest()),), {}), fetch)
    assert (path / "x").read_bytes() == data
"""


def test_processes_share_a_small_cache(source: Source) -> None:
    source.cache.set_limit(4000)
    command = [sys.executable, "-c", READER, str(source.cache.root)]
    readers = [subprocess.Popen([*command, step], stderr=subprocess.PIPE, text=True) for step in ("1", "5", "7")]
    for reader in readers:
        _, errors = reader.communicate(timeout=120)
        assert reader.returncode == 0, errors
    source.get("last")
    assert source.cache.size <= 4000
    assert len(list((source.cache.root / "work").iterdir())) == 1


def test_what_a_killed_process_left_is_removed(source: Source) -> None:
    program = (
        "import os, sys; from pathlib import Path; from zenml.artifacts.workspace import own_workspace;"
        "(own_workspace(Path(sys.argv[1])) / 'half').write_text('x'); os._exit(9)"
    )
    work = source.cache.root / "work"
    subprocess.run([sys.executable, "-c", program, str(work)], check=False)
    assert len(list(work.glob("*/half"))) == 1
    source.get("a")
    assert list(work.glob("*/half")) == []
