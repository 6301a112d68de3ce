from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zenml.errors import ConfigError
from zenml.runtime import package_files
from zenml.runtime.package_files import list_package_files, list_source_tree

AUTHOR = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}\n")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *AUTHOR, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q")
    return root


@pytest.fixture
def no_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))


def files(root: Path, *source_roots: str) -> list[str]:
    return list(list_package_files(root, source_roots or ["src", "."]).sizes)


def test_tracked_files_are_in_although_ignored_and_gone_ones_are_out(repository: Path) -> None:
    write(repository, "ignored/kept.py", "ignored/other.py", "gone.py", "src/a.py")
    (repository / ".gitignore").write_text("ignored/\n")
    git(repository, "add", "-f", "ignored/kept.py", "gone.py")
    (repository / "gone.py").unlink()
    assert files(repository) == [".gitignore", "ignored/kept.py", "src/a.py"]


def test_only_the_source_roots_are_in(repository: Path) -> None:
    write(repository, "src/a.py", "lib/b.py", "notes.txt")
    assert files(repository, "src", "lib", "missing") == ["lib/b.py", "src/a.py"]


def test_nested_ignore_files_count_with_and_without_git(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(repository, "a/x.log", "a/b/x.log", "a/b/keep.log", "x.log", "a/y.py", "venv/lib/z.py", "venv/pyvenv.cfg")
    (repository / ".gitignore").write_text("/x.log\n")
    (repository / "a/.gitignore").write_text("*.log\n")
    (repository / "a/b/.gitignore").write_text("!keep.log\n")
    expected = [".gitignore", "a/.gitignore", "a/b/.gitignore", "a/b/keep.log", "a/y.py"]
    assert files(repository) == expected
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    found = list_package_files(repository, ["."])
    assert list(found.sizes) == expected
    assert found.warnings == ("git is not installed: what it tracks although a .gitignore names it was left out",)


def test_files_of_submodules_are_in(repository: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", "lib/one.py", "lib/two.py")
    (other / ".gitignore").write_text("*.log\n")
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "commit", "-q", "-m", "first")
    git(repository, "submodule", "add", "-q", str(other), "vendor/other")
    git(repository, "submodule", "add", "-q", str(other), "vendor/absent")
    git(repository, "submodule", "deinit", "-q", "-f", "vendor/absent")
    write(repository, "vendor/other/lib/new.py", "vendor/other/lib/x.log", "mine.py", "cloned/inner.py")
    git(repository / "cloned", "init", "-q")
    found = list_package_files(repository, ["."])
    inside = ["vendor/other/lib/new.py", "vendor/other/lib/one.py", "vendor/other/lib/two.py"]
    assert list(found.sizes) == [".gitmodules", "cloned/inner.py", "mine.py", "vendor/other/.gitignore", *inside]
    assert found.warnings == ("vendor/absent/ is a submodule that is not checked out: git submodule update --init",)
    assert files(repository, "vendor/other/lib") == inside


def test_a_repository_that_an_outer_one_ignores_is_walked(repository: Path) -> None:
    (repository / ".gitignore").write_text("scratch/\n")
    write(repository, "scratch/app/a.py")
    assert files(repository / "scratch/app") == ["a.py"]


def test_a_source_root_with_ignored_files_only_gives_none(repository: Path) -> None:
    (repository / ".gitignore").write_text("data/\n")
    write(repository, "src/data/big.bin")
    assert files(repository, "src") == []


def test_links_lead_to_what_is_in_the_package_or_stay_out(repository: Path, tmp_path: Path) -> None:
    write(repository, "a.py", "pkg/b.py", "ignored/c.py", ".env", "deep/er/d.py")
    write(tmp_path, "outside.py")
    (repository / ".gitignore").write_text("ignored/\n")
    links: dict[str, str | Path] = {
        "to_file": "a.py",
        "to_folder": "pkg",
        "absolute": repository / "a.py",
        "deep/er/up": "../../pkg/b.py",
        "chain": "to_file",
        "out": "../outside.py",
        "out_folder": tmp_path,
        "secret": ".env",
        "hidden": "ignored/c.py",
        "nowhere": "missing",
        "circle": "circle",
        "itself": ".",
        "deep/er/above": "..",
    }
    for name, target in links.items():
        (repository / name).symlink_to(target)
    found = list_package_files(repository, ["."])
    assert found.links == {
        "absolute": "a.py",
        "chain": "a.py",
        "deep/er/up": "../../pkg/b.py",
        "to_file": "a.py",
        "to_folder": "pkg",
    }
    assert [warning.split()[2] for warning in found.warnings] == [
        "circle",
        "deep/er/above",
        "hidden",
        "itself",
        "nowhere",
        "out",
        "out_folder",
        "secret",
    ]
    assert "the link out was left out: it leads out of the repository" in found.warnings
    assert "the link secret was left out: it leads to .env, which is not in the package" in found.warnings
    assert "the link nowhere was left out: it leads nowhere" in found.warnings


def test_what_git_tracks_in_a_folder_where_a_link_is_now_stays_out(repository: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside", "a.py")
    write(repository, "pkg/a.py", "b.py")
    git(repository, "add", ".")
    (repository / "pkg/a.py").unlink()
    (repository / "pkg").rmdir()
    (repository / "pkg").symlink_to(tmp_path / "outside")
    assert files(repository) == ["b.py"]


def test_environments_and_secrets_stay_out_wherever_they_lie(repository: Path) -> None:
    write(repository, "a.py", ".env/secret", "x/.envrc", "x/.ENV.prod", "x/.zenml/db", "x/__pycache__/a.pyc")
    write(repository, "my_venv/pyvenv.cfg", "my_venv/lib/b.py", ".zenml-wheels/c.whl", "env.py", "x/environment.py")
    assert files(repository) == ["a.py", "env.py", "x/environment.py"]


def test_data_stay_out_however_their_path_is_written(repository: Path, tmp_path: Path) -> None:
    write(repository, "a.py", "data/one.csv", "data/two.csv", "data/three.csv")
    write(tmp_path, "outside.csv")
    (repository / "linked.csv").symlink_to(tmp_path / "outside.csv")
    (repository / "inner.csv").symlink_to("data/two.csv")
    spared = [Path("data/one.csv"), repository / "inner.csv", repository / "linked.csv", repository / "data/three.csv"]
    found = list_package_files(repository, ["."], spared)
    assert (list(found.sizes), found.warnings) == (["a.py"], ())


@pytest.mark.parametrize("in_git", [True, False])
def test_a_folder_of_three_gigabytes_that_is_ignored_is_never_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_git: bool
) -> None:
    root = write(tmp_path / "repo", "a.py", "data/deep/er/x.csv", "more/y.csv")
    with (root / "data/big.bin").open("wb") as file:
        file.truncate(3 << 30)
    (root / ".gitignore").write_text("data/\n")
    (root / ".zenmlignore").write_text("more/\n")
    trace = tmp_path / "trace"
    if in_git:
        git(root, "init", "-q")
        monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))
        monkeypatch.setenv("GIT_TRACE2_EVENT_NESTING", "10")
    entered: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(package_files.os, "scandir", lambda path: entered.append(Path(path).name) or scandir(path))
    assert files(root) == [".gitignore", ".zenmlignore", "a.py"]
    assert entered == ([] if in_git else ["repo"])
    if in_git:
        assert '"key":"directories-visited","value":"2"' in trace.read_text()  # the root and more/


def test_a_source_root_elsewhere_is_refused(repository: Path, tmp_path: Path) -> None:
    write(tmp_path / "lib", "a.py")
    (repository / "linked").symlink_to(tmp_path / "lib")
    (repository / "inside").symlink_to("src")
    write(repository, "src/b.py")
    with pytest.raises(ConfigError, match=r"the source root \.\./lib lies outside") as caught:
        files(repository, "../lib", "linked", str(tmp_path), "src")
    assert len(caught.value.problems) == 3
    assert files(repository, "inside") == ["src/b.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf_8_are_refused_unless_they_are_ignored(repository: Path) -> None:
    write(repository, "größe.py")
    Path(os.fsdecode(os.fsencode(repository) + b"/caf\xe9.py")).touch()
    with pytest.raises(ConfigError, match=r"not UTF-8.*: caf\\xe9.py"):
        files(repository)
    (repository / ".zenmlignore").write_text("caf?.py\n")
    assert files(repository) == [".zenmlignore", "größe.py"]


@pytest.mark.parametrize("in_git", [True, False])
def test_all_that_cannot_be_read_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_git: bool) -> None:
    root = write(tmp_path / "repo", "a.py", "shut/b.py", "closed.py", "more/closed.py")
    if in_git:
        git(root, "init", "-q")
    (root / "shut").chmod(0)
    for name in ("closed.py", "more/closed.py"):
        (root / name).chmod(0)
    if os.geteuid() == 0:
        pretend_to_be_a_user(monkeypatch)
    try:
        with pytest.raises(ConfigError, match=r"cannot be read here: closed\.py, more/closed\.py, shut\. Let"):
            files(root)
        (root / ".zenmlignore").write_text("shut/\nclosed.py\n")
        assert files(root) == [".zenmlignore", "a.py"]
    finally:
        (root / "shut").chmod(0o700)


def pretend_to_be_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is closed to the superuser: say of what has no permissions what a user is told."""
    run, scandir, access = package_files._run_git, os.scandir, os.access

    def listed(folder: Path, arguments: list[str]) -> Any:
        done = run(folder, arguments)
        if "--others" in arguments and not done.returncode:
            done.stdout = done.stdout.replace(b"shut/b.py\0", b"")
            done.stderr = b"warning: could not open directory 'shut/': Permission denied\n"
        return done

    def opened(path: Path) -> Any:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(package_files, "_run_git", listed)
    monkeypatch.setattr(package_files.os, "scandir", opened)
    monkeypatch.setattr(
        package_files.os, "access", lambda path, mode: access(path, mode) and Path(path).stat().st_mode & 0o777
    )


def test_a_refusal_of_git_is_passed_on(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"no index")
    with pytest.raises(ConfigError, match=r"git cannot list the files: .*index"):
        files(repository)


def test_a_source_tree_has_ignored_files_too_but_no_ignored_folders(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(repository, "src/pkg/a.py", "src/pkg/_version.py", "build/lib/a.py", ".cache/x", ".env", "pyproject.toml")
    (repository / ".gitignore").write_text("_version.py\nbuild/\n")
    (repository / ".cache/.gitignore").write_text("*\n")
    expected = [".gitignore", "pyproject.toml", "src/pkg/_version.py", "src/pkg/a.py"]
    assert list_source_tree(repository) == expected
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    assert list_source_tree(repository) == expected
