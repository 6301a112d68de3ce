from __future__ import annotations

import json
import os
from pathlib import Path

import fsspec
import pytest

from zenml.data.identity import IdentityMemo, source_identity
from zenml.data.source_files import SourceFile, source_files
from zenml.errors import DataError


def settled(path: Path, text: str, seconds: float = 1e9) -> SourceFile:
    """Write a file that was last touched long ago, and list it."""
    path.write_text(text)
    os.utime(path, (seconds, seconds))
    return source_files(str(path))[0]


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = settled(tmp_path / "a.csv", "a\n1\n")
    memo = IdentityMemo(tmp_path / "memo.json")
    digest = memo.digest(file)
    memo.save()
    monkeypatch.delattr(SourceFile, "digest")
    assert IdentityMemo(tmp_path / "memo.json").digest(file) == digest


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    memo = IdentityMemo(tmp_path / "memo.json")
    digest = memo.digest(settled(tmp_path / "a.csv", "a\n1\n"))
    assert memo.digest(settled(tmp_path / "a.csv", "a\n2\n", 1e9 + 1)) != digest


def test_a_file_touched_just_now_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    memo = IdentityMemo(tmp_path / "memo.json")
    os.utime(tmp_path / "a.csv", (1e11, 1e11))
    memo.digest(source_files(str(tmp_path / "a.csv"))[0])
    memo.save()
    assert not (tmp_path / "memo.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9}', '{"format": 1, "files": {"x": 3}}', "null"])
def test_a_broken_memo_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "memo.json").write_text(text)
    file = settled(tmp_path / "a.csv", "a\n1\n")
    memo = IdentityMemo(tmp_path / "memo.json")
    assert memo.digest(file) == IdentityMemo().digest(file)
    memo.save()
    assert file.url in json.loads((tmp_path / "memo.json").read_text())["files"]


def test_a_memo_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = settled(tmp_path / "a.csv", "a\n1\n")
    memo = IdentityMemo(tmp_path / "file" / "memo.json")
    digest = memo.digest(file)
    memo.save()
    assert memo.digest(file) == digest == f"sha256:{file.digest()}"


def test_an_identity_is_remembered_for_the_next_process(tmp_path: Path) -> None:
    file = settled(tmp_path / "a.csv", "a\n1\n")
    source_identity("csv/1", {}, [file], IdentityMemo(tmp_path / "memo.json"))
    assert file.url in json.loads((tmp_path / "memo.json").read_text())["files"]


def test_identity_depends_on_order_parameters_and_codec(tmp_path: Path) -> None:
    one, two = settled(tmp_path / "1.csv", "a\n1\n"), settled(tmp_path / "2.csv", "a\n2\n")
    memo = IdentityMemo()
    identities = {
        source_identity(codec, {"delimiter": delimiter}, files, memo)
        for codec in ("csv/1", "csv/2")
        for delimiter in ",;"
        for files in ([one, two], [two, one], [one])
    }
    assert len(identities) == 12


def test_object_stores_are_identified_by_their_version(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe("/identity/a.csv", b"a\n1\n")
    (file,) = source_files("memory://identity/a.csv")
    assert IdentityMemo().digest(file) == f"sha256:{file.digest()}"
    plain = type(fs).info
    monkeypatch.setattr(type(fs), "info", lambda self, path, **more: {**plain(self, path, **more), "etag": "v7"})
    (file,) = source_files("memory://identity/a.csv")
    assert IdentityMemo().digest(file) == "memory://identity/a.csv#etag:v7"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{}/none/*.csv", "no file fits this pattern"),
        ("{}", "this is a folder, not a file"),
        ("{}/none.csv", "there is no such file"),
        ("memory://none/*.csv", "no file fits this pattern"),
        ("memory://none/a.csv", "cannot be read"),
        ("nosuchprotocol://a.csv", "cannot be opened"),
        ("memory://identity-folder", "this is a folder, not a file"),
    ],
)
def test_what_is_no_file_is_refused(tmp_path: Path, path: str, message: str) -> None:
    fsspec.filesystem("memory").pipe("/identity-folder/a.csv", b"")
    with pytest.raises(DataError, match=message):
        source_files(path.format(tmp_path))


def test_patterns_and_file_urls_name_local_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "x[1].csv"):
        (tmp_path / name).write_text("a\n1\n")
    assert [file.name for file in source_files(f"{tmp_path}/?.csv")] == ["a.csv", "b.csv"]
    assert [file.name for file in source_files(f"file://{tmp_path}/x[1].csv")] == ["x[1].csv"]
    assert source_files(f"{tmp_path}/a.csv")[0].local


def test_a_file_is_read_in_parts(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(100)))
    (file,) = source_files(str(tmp_path / "a"))
    assert file.read(-5, 3) == bytes([0, 1, 2])
    assert file.read(98, 200) == bytes([98, 99])
    assert b"".join(file.pieces(10, 20)) == bytes(range(10, 20))
