from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zenml.errors import ConfigError
from zenml.runtime import package
from zenml.runtime.package import build_package, unpack
from zenml.runtime.wheels import build_wheels


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}\n")


def make_tree(root: Path) -> Path:
    write(
        root, "steps.py", "src/app/mödule.py", "data/table.csv", ".env", ".env.local", ".zenml/metadata.db", "big/x.bin"
    )
    write(root, "__pycache__/steps.pyc", "ignored/secret.txt", "new.py")
    write(root.parent, "outside.py")
    (root / "link.py").symlink_to(root.parent / "outside.py")
    (root / "alias.py").symlink_to(root / "steps.py")
    (root / "tool.sh").write_text("#!/bin/sh\n")
    (root / "tool.sh").chmod(0o755)
    (root / ".gitignore").write_text("ignored/\n")
    (root / ".zenmlignore").write_text("big/\n")
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "repo")


EXPECTED = (".gitignore", ".zenmlignore", "alias.py", "new.py", "src/app/mödule.py", "steps.py", "tool.sh")


@pytest.mark.parametrize("in_git", [True, False])
def test_the_package_holds_exactly_the_right_files(tree: Path, in_git: bool) -> None:
    if in_git:
        subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
        subprocess.run(["git", "add", "steps.py", "big/x.bin", ".env"], cwd=tree, check=True)
    made = build_package(tree, ["src", "."], [tree / "data/table.csv"])
    assert made.files == EXPECTED
    assert made.sizes["steps.py"] == len("content of steps.py\n")
    assert made.sizes["alias.py"] == 0
    assert made.warnings == ("the link link.py was left out: it leads out of the repository",)


@pytest.fixture
def other_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_it_is_the_same_from_another_checkout_at_another_time_by_another_user(
    tree: Path, tmp_path: Path, other_umask: None
) -> None:
    first = build_package(tree, ["."])
    assert build_package(tree, ["."]).data == first.data
    again = make_tree(tmp_path / "else/where")
    os.utime(again / "steps.py", (1, 1))
    if os.geteuid() == 0:
        os.chown(again / "steps.py", 1234, 1234)
    assert stat.S_IMODE((again / "steps.py").stat().st_mode) != stat.S_IMODE((tree / "steps.py").stat().st_mode)
    assert build_package(again, ["src", "."]).data == first.data


def test_it_unpacks_to_what_was_packed(tree: Path, tmp_path: Path) -> None:
    made = build_package(tree, ["src", "."], [tree / "data/table.csv"])
    assert unpack(made.data, made.digest, tmp_path / "out") == []
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert tuple(found) == EXPECTED
    assert os.access(tmp_path / "out/tool.sh", os.X_OK)
    assert not (tmp_path / "out/steps.py").stat().st_mode & 0o111
    shutil.rmtree(tree)
    assert (tmp_path / "out/alias.py").read_text() == "content of steps.py\n"


def test_a_package_over_the_cap_names_the_largest_files_and_reads_none(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tree / "huge.bin").open("wb") as file:
        file.truncate(3 << 30)
    monkeypatch.setattr(package, "_open", None)
    with pytest.raises(ConfigError, match=r"3072\.0 MiB, more than 100\.0 MiB.*Largest: huge.bin \(3072\.0 MiB\)"):
        build_package(tree, ["."])


def test_wheels_travel_and_count(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = [tmp_path / "lib-1-py3-none-any.whl", tmp_path / "fast-1-cp311-cp311-linux_x86_64.whl"]
    for wheel in wheels:
        wheel.write_bytes(b"x" * 500)
        wheel.chmod(0o755)
    made = build_package(tree, ["src"], [], wheels)
    assert made.files == (*(f".zenml-wheels/{wheel.name}" for wheel in wheels[::-1]), "src/app/mödule.py")
    (warning,) = made.warnings
    assert warning.startswith("fast-1-cp311-cp311-linux_x86_64.whl holds compiled code")
    assert warning.endswith("are cp311-cp311-linux_x86_64")
    monkeypatch.setattr(package, "SIZE_CAP", 900)
    with pytest.raises(ConfigError, match=r"Largest: .zenml-wheels/fast-1"):
        build_package(tree, ["src"], [], wheels)


def opening(monkeypatch: pytest.MonkeyPatch, react: Any) -> list[str]:
    """Call `react` with each path that is opened; return their names."""
    opened: list[str] = []
    real = package._open

    def open_after(path: Path) -> Any:
        opened.append(path.name)
        react(path)
        return real(path)

    monkeypatch.setattr(package, "_open", open_after)
    return opened


def test_a_file_that_changes_while_it_is_packed_is_packed_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change_once(path: Path) -> None:
        if path.name == "steps.py" and opened.count("steps.py") == 1:
            path.write_text("changed\n")
        if path.name == "new.py" and path.exists():
            path.unlink()

    opened = opening(monkeypatch, change_once)
    made = build_package(tree, ["."])
    assert made.sizes["steps.py"] == len("changed\n")
    assert "new.py" not in made.files


def test_files_that_never_rest_are_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(path: Path) -> None:
        if path.name in ("steps.py", "new.py"):
            path.write_text("x" * len(opened))

    opened = opening(monkeypatch, change)
    with pytest.raises(ConfigError, match=r"change while they are packed: new.py, steps.py\. Stop what writes them"):
        build_package(tree, ["."])


def test_a_file_that_becomes_shorter_while_it_is_read_is_no_crash(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = package._Whole.read

    def cut(self: Any, size: int = -1) -> bytes:
        if (tree / "steps.py").stat().st_size > 3:
            os.truncate(tree / "steps.py", 3)
        return real(self, size)

    monkeypatch.setattr(package._Whole, "read", cut)
    assert build_package(tree, ["."]).sizes["steps.py"] == 3


def test_files_that_cannot_be_read_are_all_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        if path.name in ("steps.py", "new.py"):
            raise PermissionError(13, "Permission denied")

    opening(monkeypatch, refuse)
    with pytest.raises(ConfigError, match=r"cannot be read here: new.py, steps.py\. Let your user read it"):
        build_package(tree, ["."])


def test_a_whole_repository_with_all_that_must_not_travel(site: Any, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    site.install_editable(tmp_path / "next-door", "next-door")
    (wheel,) = build_wheels(["next-door"], tmp_path / "cache")
    root = make_tree(tmp_path / "repo")
    with (root / "ignored/data.bin").open("wb") as file:
        file.truncate(3 << 30)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    first, second = (build_package(root, ["src", "."], [root / "data/table.csv"], [wheel]) for _ in range(2))
    assert first.data == second.data
    assert first.files == (EXPECTED[0], ".zenml-wheels/next_door-1.0-py3-none-any.whl", *EXPECTED[1:])
    assert first.warnings == ("the link link.py was left out: it leads out of the repository",)
    (folder,) = unpack(first.data, first.digest, tmp_path / "out")
    assert (folder / "next_door/__init__.py").is_file()
    assert not list((tmp_path / "out").rglob(".env*"))
