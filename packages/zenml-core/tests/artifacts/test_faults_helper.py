from __future__ import annotations

import builtins
import errno
import io
import os
from pathlib import Path

import pytest

from zenml.testing import faults
from zenml.testing.faults import failing_writes


def everything(folder: Path) -> None:
    (folder / "sub").mkdir()
    with (folder / "binary").open("wb") as file:
        file.write(b"1")
    with open(folder / "text", "w", encoding="utf-8") as text:  # noqa: PTH123 - the name under test
        text.write("é")
    with io.open(folder / "text", "r+", encoding="utf-8") as text:  # noqa: UP020 - the name under test
        assert text.read() == "é"
        text.write("x")
    with (folder / "raw").open("ab", buffering=0) as raw:
        raw.write(b"1")
    descriptor = os.open(folder / "descriptor", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"1")
    os.ftruncate(descriptor, 0)
    os.fsync(descriptor)
    os.close(descriptor)
    (folder / "binary").rename(folder / "renamed")
    (folder / "renamed").replace(folder / "replaced")
    os.link(folder / "replaced", folder / "linked")
    (folder / "symlink").symlink_to("replaced")
    os.truncate(folder / "raw", 0)
    assert (folder / "text").read_text(encoding="utf-8") == "éx"


def test_every_kind_of_write_is_counted_in_order(tmp_path: Path) -> None:
    with failing_writes(tmp_path) as calls:
        everything(tmp_path)
    assert [call.split()[0] for call in calls] == [
        *("mkdir", "open", "write", "open", "write", "open", "write", "open", "write"),
        *("open", "write", "ftruncate", "fsync", "rename", "replace", "link", "symlink", "truncate"),
    ]
    assert calls[0] == f"mkdir {tmp_path.resolve() / 'sub'}"


def test_each_of_them_fails_in_its_turn(tmp_path: Path) -> None:
    for number in range(1, 19):
        folder = tmp_path / str(number)
        folder.mkdir()
        with failing_writes(folder, at=number, error=errno.EROFS), pytest.raises(OSError, match="Read-only") as caught:
            everything(folder)
        assert caught.value.errno == errno.EROFS
        assert str(caught.value.filename).startswith(str(folder))


def test_a_lasting_fault_fails_all_that_follows_and_no_more_after_the_context(tmp_path: Path) -> None:
    before = (builtins.open, io.open, os.open, os.fsync)
    with failing_writes(tmp_path, at=1, lasting=True):
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                (tmp_path / "x").write_text("x")
    assert (builtins.open, io.open, os.open, os.fsync) == before
    (tmp_path / "x").write_text("x")


def test_what_happens_elsewhere_or_only_reads_goes_on(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "in-and-out"
    inside.mkdir()
    outside.mkdir()
    (inside / "x").write_text("x")
    with failing_writes(inside, at=1, lasting=True) as calls:
        everything(outside)
        assert (inside / "x").read_text() == "x"
        (inside / "x").unlink()
    assert calls == []


def test_a_descriptor_without_a_known_path_is_let_through(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with failing_writes(tmp_path, at=1):
        os.write(writer, b"1")
    os.close(writer)
    os.close(reader)
    assert faults._path_by_fcntl(0) == "" or hasattr(__import__("fcntl"), "F_GETPATH")
