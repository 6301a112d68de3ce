from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from zenml.errors import ZenMLError
from zenml.runtime import package
from zenml.runtime.package import build_package, unpack


def archive(*members: tuple[str, bytes, str]) -> bytes:
    """Return an archive of names, types and link targets (or contents)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as out:
        for name, kind, text in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(text)
                out.addfile(info, io.BytesIO(text.encode()))
            else:
                info.linkname = text
                out.addfile(info)
    return buffer.getvalue()


def unpack_any(data: bytes, folder: Path) -> list[Path]:
    return unpack(data, hashlib.sha256(data).hexdigest(), folder)


FILE = tarfile.REGTYPE
LINK = tarfile.SYMTYPE


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([("../a.py", FILE, "")], "would be written elsewhere"),
        ([("/tmp/a.py", FILE, "")], "would be written elsewhere"),
        ([("a/../../b.py", FILE, "")], "would be written elsewhere"),
        ([("./a.py", FILE, "")], "would be written elsewhere"),
        ([("a", LINK, "/etc/passwd")], "leads out of the package"),
        ([("a/b", LINK, "../../c")], "leads out of the package"),
        ([("a/b/d", LINK, "../../s"), ("x", LINK, "a/b/d/../../y")], "leads out of the package"),
        ([("a", LINK, "b"), ("a/c.py", FILE, "")], "lies behind a link"),
        ([("a", FILE, "1"), ("a", FILE, "2")], "is there twice"),
        ([("a", tarfile.LNKTYPE, "b")], "neither a file nor a symbolic link"),
        ([("a", tarfile.CHRTYPE, "")], "neither a file nor a symbolic link"),
        ([("a", tarfile.FIFOTYPE, "")], "neither a file nor a symbolic link"),
        ([("a", tarfile.DIRTYPE, "")], "neither a file nor a symbolic link"),
        ([("a", FILE, "x" * 200)], "larger than"),
    ],
)
def test_what_no_package_holds_is_refused_before_anything_is_written(
    members: list[tuple[str, bytes, str]], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "SIZE_CAP", 100)
    with pytest.raises(ZenMLError, match=why):
        unpack_any(archive(("sound.py", FILE, "1"), *members), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_changed_package_is_refused(tmp_path: Path) -> None:
    data = archive(("a.py", FILE, "1"))
    with pytest.raises(ZenMLError, match="digest differs"):
        unpack(data + b"x", hashlib.sha256(data).hexdigest(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", gzip.compress(b"no tar" * 200), archive()[:20]],
    ids=["empty", "text", "no-tar", "cut"],
)
def test_what_is_no_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ZenMLError, match="cannot be unpacked"):
        unpack_any(data, tmp_path / "out")


def make_wheel(folder: Path, **files: str) -> Path:
    path = folder / "lib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    return path


def package_with(wheel: Path, root: Path) -> bytes:
    root.mkdir()
    return build_package(root, ["."], [], [wheel]).data


def test_wheels_are_laid_out_for_the_import_path(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        **{
            "lib/__init__.py": "a",
            "lib-1.0.data/purelib/extra.py": "b",
            "lib-1.0.data/scripts/tool": "c",
            "lib-1.0.dist-info/METADATA": "d",
            "empty/": "",
        },
    )
    data = package_with(wheel, tmp_path / "repo")
    (folder,) = unpack_any(data, tmp_path / "out")
    assert folder.parent == tmp_path / "out/.zenml-wheels"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == ["extra.py", "lib-1.0.dist-info/METADATA", "lib/__init__.py"]
    assert (folder / "extra.py").read_text() == "b"


@pytest.mark.parametrize("name", ["../a.py", "/tmp/a.py", "lib-1.data/purelib/../../a.py", "a//b.py"])
def test_a_wheel_that_would_write_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    data = package_with(make_wheel(tmp_path, **{name: ""}), tmp_path / "repo")
    with pytest.raises(ZenMLError, match="would be written elsewhere"):
        unpack_any(data, tmp_path / "out")


def test_a_wheel_that_blows_up_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("lib.py", "x" * 100_000)
    monkeypatch.setattr(package, "SIZE_CAP", 10_000)
    data = package_with(path, tmp_path / "repo")
    with pytest.raises(ZenMLError, match="the files are larger than"):
        unpack_any(data, tmp_path / "out")


def test_a_damaged_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lib-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")
    with pytest.raises(ZenMLError, match="cannot be unpacked"):
        unpack_any(package_with(path, tmp_path / "repo"), tmp_path / "out")
