"""Trees of commits: found by the beginnings of hashes, unpacked whole, beside the work tree and never in it."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from pathlib import Path

import pytest

from zenml.errors import SpecError
from zenml.runtime.package import build_package, unpack
from zenml.runtime.trees import Trees


def git(folder: Path, *words: str, given: bytes = b"") -> str:
    """Run git; return what it says."""
    user = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "protocol.file.allow=always")
    command = ["git", "-C", str(folder), *user, *words]
    return subprocess.run(command, check=True, capture_output=True, input=given).stdout.decode().strip()


def commit(folder: Path, files: dict[str, str]) -> str:
    """Write and commit files; return the commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", *files)
    git(folder, "commit", "-q", "--allow-empty", "-m", "Change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository below git's top."""
    git(tmp_path, "init", "-q")
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_a_commit_is_found_by_its_beginning_and_unpacked_as_it_was(root: Path) -> None:
    first = commit(root, {"src/a.py": "one", "../lib/b.py": "b"})
    commit(root, {"src/a.py": "two"})
    (root / "src/a.py").write_text("three")
    trees = Trees(root)
    assert trees.resolve(first[:7]) == trees.resolve(first) == first
    tree = trees.open(first)
    assert tree.root == root / ".zenml/trees" / first / "project"
    assert (tree.root / "src/a.py").read_text() == "one"
    assert (root / "src/a.py").read_text() == "three"
    assert not (tree.root / "src/a.py").stat().st_mode & 0o222
    assert tree.source_roots(root, ["src", ".", "absent", "../lib"]) == [
        tree.root / "src", tree.root, tree.path / "lib",
    ]  # fmt: skip
    assert tree.source_roots(root, [str(root / "src"), "/"]) == [tree.root / "src", Path("/")]


def test_git_is_not_asked_for_a_tree_that_is_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = commit(root, {"a.py": "one"})
    tree = Trees(root).open(first)
    monkeypatch.setenv("PATH", "")
    assert Trees(root).resolve(first) == first
    assert Trees(root).open(first) == tree
    with pytest.raises(SpecError, match=r"git cannot be run.*Install git"):
        Trees(root).resolve(first[:9])


def test_many_at_once_make_one_tree(root: Path) -> None:
    first = commit(root, {f"m{number}.py": str(number) for number in range(50)})
    threads = [threading.Thread(target=Trees(root).open, args=(first,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list((root / ".zenml/trees" / first / "project").iterdir())) == 50
    assert {path.name for path in (root / ".zenml/trees").iterdir()} == {".gitignore", first, f"{first}.json"}


def test_links_that_lead_out_are_left_out(root: Path) -> None:
    (root / "out").symlink_to("/etc/hostname")
    (root / "up").symlink_to("../../../../elsewhere")
    (root / "inside.py").symlink_to("a.py")
    git(root, "add", "out", "up", "inside.py")
    tree = Trees(root).open(commit(root, {"a.py": "one"}))
    assert sorted(path.name for path in tree.root.iterdir()) == ["a.py", "inside.py"]
    assert (tree.root / "inside.py").read_text() == "one"


def test_a_beginning_of_two_commits_is_told_with_both(root: Path) -> None:
    commit(root, {"a.py": "one"})
    tree = git(root, "rev-parse", "HEAD^{tree}")
    seen: dict[str, bytes] = {}
    for number in range(1_000_000):
        body = f"tree {tree}\nauthor n <e> {number} +0000\ncommitter n <e> 0 +0000\n\nm\n".encode()
        name = hashlib.sha1(b"commit %d\0" % len(body) + body).hexdigest()
        if name[:7] in seen:
            break
        seen[name[:7]] = body
    for data in (body, seen[name[:7]]):
        git(root, "hash-object", "-w", "-t", "commit", "--stdin", given=data)
    with pytest.raises(SpecError, match=rf"2 commits begin with {name[:7]}: .*{name[:16]}.*Write more of its digits"):
        Trees(root).resolve(name[:7])
    assert Trees(root).resolve(name) == name


def test_what_is_no_commit_of_this_repository_is_told_with_its_mend(root: Path, tmp_path: Path) -> None:
    commit(root, {"a.py": "one"})
    with pytest.raises(SpecError, match=r"there is no commit 0123456 in this repository\. Fetch it: git fetch"):
        Trees(root).resolve("0123456")
    with pytest.raises(SpecError, match="is a tree, not a commit"):
        Trees(root).resolve(git(root, "rev-parse", "HEAD^{tree}"))


def test_a_folder_outside_of_any_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    with pytest.raises(SpecError, match="not in the work tree of a git repository"):
        Trees(tmp_path / "plain").resolve("0123456")


def test_a_shallow_clone_has_its_own_commits_and_tells_how_to_get_others(root: Path, tmp_path: Path) -> None:
    first, second = commit(root, {"a.py": "one"}), commit(root, {"a.py": "two"})
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{tmp_path}", "shallow")
    trees = Trees(tmp_path / "shallow/project")
    assert (trees.open(trees.resolve(second[:12])).root / "a.py").read_text() == "two"
    with pytest.raises(SpecError, match="git fetch --unshallow"):
        trees.resolve(first[:12])


def test_a_work_tree_of_its_own_has_all_commits(root: Path, tmp_path: Path) -> None:
    first = commit(root, {"a.py": "one"})
    commit(root, {"a.py": "two"})
    git(tmp_path, "worktree", "add", "-q", "other")
    trees = Trees(tmp_path / "other/project")
    assert (trees.open(trees.resolve(first[:8])).root / "a.py").read_text() == "one"


def test_a_tree_that_cannot_be_written_is_told(root: Path) -> None:
    first = commit(root, {"a.py": "one"})
    (root / ".zenml").write_text("in the way")
    with pytest.raises(SpecError, match=f"cannot unpack commit {first[:12]}"):
        Trees(root).open(first)


def test_files_that_git_has_lost_are_told(root: Path, tmp_path: Path) -> None:
    first = commit(root, {"a.py": "one"})
    blob = git(root, "rev-parse", "HEAD:project/a.py")
    (tmp_path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    for _ in range(2):
        with pytest.raises(SpecError, match=rf"git cannot give the files of commit {first[:12]}: .*git fetch"):
            Trees(root).open(Trees(root).resolve(first))
    assert {path.name for path in (root / ".zenml/trees").iterdir()} == {".gitignore", f"{first}.json"}
    assert git(root, "status", "--porcelain") == ""


def test_files_of_data_have_their_places_in_a_tree(root: Path, tmp_path: Path) -> None:
    tree = Trees(root).open(commit(root, {"data/a.csv": "one"}))
    assert tree.counterparts([root / "data/a.csv", tmp_path / "b.csv"], root) == [tree.root / "data/a.csv"]


def test_all_files_of_a_commit_travel_those_that_git_ignores_by_now_too(root: Path) -> None:
    commit(root, {"made.py": "one", "a.py": "two"})
    tree = Trees(root).open(commit(root, {".gitignore": "made.py\n"}))
    package = build_package(tree.root, ["src", "."])
    assert package.files == ("a.py", "made.py")
    other = Trees(root.parent / "elsewhere")
    other.receive(tree.commit, lambda folder: unpack(package.data, package.digest, folder))
    received = other.open(other.resolve(tree.commit))
    assert (received.root / "made.py").read_text() == "one"
    assert received.source_roots(other.root, ["src", "."]) == [received.root]
