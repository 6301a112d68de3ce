from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.runtime.ignore_rules import IgnoreRules
from zenml.runtime.package_files import _Listing


def hidden(rules: str, *names: str) -> list[str]:
    made = IgnoreRules(rules.splitlines())
    return [name for name in names if made.hides(name)]


@pytest.mark.parametrize(
    ("rules", "ignored", "kept"),
    [
        ("*.txt", ["a.txt", "d/a.txt"], ["a.py", "a.txt.py"]),
        ("/a.txt", ["a.txt"], ["d/a.txt"]),
        ("data/", ["data/x", "d/data/x"], ["data"]),
        ("d/*.py", ["d/a.py"], ["d/e/a.py", "a.py"]),
        ("d/**/x", ["d/x", "d/a/x", "d/a/b/x"], ["x", "e/d/x"]),
        ("**/x", ["x", "a/x"], ["ax"]),
        ("d/**", ["d/x", "d/a/x"], ["d"]),
        ("*\n!keep.py", ["a.py"], ["keep.py"]),
        ("d/\n!d/keep.py", ["d/keep.py"], []),
        ("[ab].py\n[!a-y]1\n[[:digit:]]x", ["a.py", "z1", "3x"], ["c.py", "b1", "ax"]),
        ("# a comment\n\n\\#x\n\\!y", ["#x", "!y"], ["# a comment", "x"]),
        ("spaces   \nkept\\ ", ["spaces", "kept "], ["kept"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("[ab\nx\\", [], ["[ab", "a", "x\\", "x"]),
        ("[]x]\n[a-]2", ["]", "x", "a2", "-2"], ["b2"]),
        ("[[:nothing:]]\n[b-a]", [], ["a", "b"]),
    ],
)
def test_a_rule_fits_what_git_says_it_fits(rules: str, ignored: list[str], kept: list[str]) -> None:
    assert hidden(rules, *ignored, *kept) == ignored


def test_a_file_is_read_with_its_mark_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "rules").write_bytes("\ufeffa.py\r\n\r\nb\xe9.py\r\n".encode())
    rules = IgnoreRules.read(tmp_path / "rules")
    assert [rules.hides(name) for name in ("a.py", "b\xe9.py", "c.py")] == [True, True, False]
    assert not IgnoreRules.read(tmp_path / "nowhere").hides("a.py")


PART = st.sampled_from(["a", "b", "ab", "a.py", "b.py", "x y", "[z]", "é", "-d", "!n", "#h", "A"])
NAMES = st.lists(st.lists(PART, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8)
TOKEN = st.sampled_from(
    ["*", "**", "?", "[ab]", "[!a]", "[a-b]", "[[:alpha:]]", "/", "/", "a", "b", ".py", "\\", "!", "#", " ", "é", "x y"]
)
RULES = st.lists(st.lists(TOKEN, min_size=1, max_size=5).map("".join), max_size=4).map("\n".join)


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("work_tree")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "config", "core.excludesFile", "/dev/null"], cwd=root, check=True)
    return root


def write_tree(root: Path, names: Sequence[str]) -> None:
    for path in root.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in names:
        if not any(place.is_file() for place in (root / name).parents) and not (root / name).is_dir():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()


@settings(max_examples=40)
@given(names=NAMES, rules=RULES, inner=RULES)
def test_a_walk_finds_what_git_lists(names: list[str], rules: str, inner: str, work_tree: Path) -> None:
    write_tree(work_tree, names)
    (work_tree / ".gitignore").write_text(rules)
    if (work_tree / "a").is_dir():
        (work_tree / "a/.gitignore").write_text(inner)
    command = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=work_tree, check=True, capture_output=True, text=True).stdout
    walk = _Listing(work_tree, IgnoreRules(()))
    walk._walk("", [])
    assert walk.names == set(filter(None, listed.split("\0")))
