from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from zenml.errors import ConfigError, ZenMLError
from zenml.runtime import package
from zenml.runtime.package import build_package, unpack


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    write(
        root, "steps.py", "src/app/mödule.py", "data/table.csv", ".env", ".env.local", ".zenml/metadata.db", "big/x.bin"
    )
    write(root, "__pycache__/steps.pyc", "ignored/secret.txt", "new.py")
    write(tmp_path, "outside.py")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "tool.sh").write_text("#!/bin/sh\n")
    (root / "tool.sh").chmod(0o755)
    (root / ".gitignore").write_text("ignored/\n")
    (root / ".zenmlignore").write_text("big/\n")
    return root


EXPECTED = (".gitignore", ".zenmlignore", "new.py", "src/app/mödule.py", "steps.py", "tool.sh")


@pytest.mark.parametrize("in_git", [True, False])
def test_the_package_holds_exactly_the_right_files(tree: Path, in_git: bool) -> None:
    if in_git:
        subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
        subprocess.run(["git", "add", "steps.py", "big/x.bin", ".env"], cwd=tree, check=True)
    assert build_package(tree, ["src", "."], [tree / "data/table.csv"]).files == EXPECTED


def test_it_is_the_same_when_built_again(tree: Path) -> None:
    first = build_package(tree, ["."])
    os.utime(tree / "steps.py", (1, 1))
    assert build_package(tree, ["."]).data == first.data


def test_it_unpacks_to_what_was_packed(tree: Path, tmp_path: Path) -> None:
    made = build_package(tree, ["src", "."], [tree / "data/table.csv"])
    unpack(made.data, made.digest, tmp_path / "out")
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert tuple(found) == EXPECTED
    assert os.access(tmp_path / "out/tool.sh", os.X_OK)


def test_a_changed_package_is_refused(tree: Path, tmp_path: Path) -> None:
    made = build_package(tree, ["."])
    with pytest.raises(ZenMLError, match="digest differs"):
        unpack(made.data + b"x", made.digest, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_package_over_the_cap_names_the_largest_files(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "SIZE_CAP", 10)
    with pytest.raises(ConfigError, match=r"Largest: .*src/app"):
        build_package(tree, ["."])
