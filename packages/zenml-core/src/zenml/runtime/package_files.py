"""PackageFiles: which files of a repository belong into its code package; nothing of them is read."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zenml.errors import ConfigError, Problem
from zenml.runtime.ignore_rules import IgnoreRules

IGNORE_FILE = ".zenmlignore"
"""Names, in the syntax of `.gitignore`, what stays out although git tracks it or does not ignore it."""

WHEELS = ".zenml-wheels"
"""Folder of a package that holds distributions which are installed editable; a repository's own never travels."""

_NEVER = {".git", ".hg", ".svn", ".venv", ".zenml", WHEELS, "__pycache__"}
_ENVIRONMENT = "pyvenv.cfg"
_GITLINK = "160000"
_CLOSED = re.compile(rb"could not open directory '(.*)': ")


@dataclass(frozen=True)
class PackageFiles:
    """What a package will hold, by names relative to the repository root, sorted.

    Args:
        root: the repository root, resolved.
        stats: size, time of the last change in nanoseconds, and mode of each file.
        links: symbolic links, and where each leads, relative to its own folder.
        warnings: what was left out and may be missed.
    """

    root: Path
    stats: Mapping[str, tuple[int, int, int]]
    links: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """The names and their sizes in bytes; a link's is 0."""
        sizes = dict.fromkeys(self.links, 0) | {name: size for name, (size, _, _) in self.stats.items()}
        return {name: sizes[name] for name in sorted(sizes)}


def list_package_files(root: Path, source_roots: Sequence[str], leave_out: Iterable[Path] = ()) -> PackageFiles:
    """List what belongs into the package of a repository.

    In are the files under the source roots that git tracks, as they are in the working tree, and untracked ones that
    it does not ignore, those of submodules too; without git, or outside any work tree, all that no `.gitignore` names.
    Out are what `.zenmlignore` names, `.git`, whatever begins with `.env`, `.zenml`, `__pycache__`, virtual
    environments, `leave_out`, and links to anything that is not in the package itself.

    Raises:
        ConfigError: a source root lies elsewhere, a name is not UTF-8, a folder cannot be read, or git refuses to
            answer; every such problem is in it.
    """
    top = root.resolve()
    listing = _Listing(top, _read_rules(top / IGNORE_FILE))
    problems: list[Problem] = []
    names: set[str] = set()
    for folder in source_roots:
        place = Path(os.path.realpath(top / folder))
        if not place.is_relative_to(top):
            what = f"the source root {folder} lies outside the repository, so that it cannot travel"
            problems.append(Problem(what, "environment.source_roots", f"Name a folder inside {top}"))
        elif place.is_dir():
            prefix = "" if place == top else f"{place.relative_to(top).as_posix()}/"
            listing.collect(place, prefix)
    if problems:
        raise ConfigError(problems)
    names = {name for name in listing.names if not never_travels(name) and not listing.rules.hides(name)}
    environments = [name.removesuffix(_ENVIRONMENT) for name in names if name.endswith(f"/{_ENVIRONMENT}")]
    if environments:
        names = {name for name in names if not name.startswith(tuple(environments))}
    _check_names(names)
    spared = {path for given in leave_out for path in (top / given, (top / given).resolve())}
    stats, links, closed = _look_at(top, sorted(name for name in names if top / name not in spared), spared)
    closed += [
        name for name in listing.closed if not never_travels(name) and not listing.rules.hides(name, folder=True)
    ]
    if closed:
        raise unreadable(top, sorted(closed))
    leads, warnings = _lead(top, stats, links)
    return PackageFiles(top, stats, leads, (*listing.warnings, *warnings))


def list_source_tree(project: Path) -> list[str]:
    """List the files that a distribution may be built from: all that lie in no ignored folder, sorted."""
    listing = _Listing(project, IgnoreRules(()), ignored_files=True)
    listing.collect(project, "")
    return sorted(name for name in listing.names if not never_travels(name))


def unreadable(root: Path, names: Iterable[str]) -> ConfigError:
    """Return the error for what belongs into the package and cannot be read."""
    listed = ", ".join(names)
    return ConfigError(
        f"the code package needs what cannot be read here: {listed}",
        str(root),
        f"Let your user read it, or name it in {IGNORE_FILE}",
    )


def _read_rules(path: Path) -> IgnoreRules:
    try:
        return IgnoreRules.read(path)
    except OSError:
        raise unreadable(path.parent, [path.name]) from None


def never_travels(name: str) -> bool:
    """Say whether a file stays here whatever else is said of it: its name, or a folder's, may stand for secrets."""
    parts = [part.casefold() for part in name.rstrip("/").split("/")]
    return any(part in _NEVER or part.startswith(".env") for part in parts)


def _check_names(names: Iterable[str]) -> None:
    wrong = []
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            wrong.append(os.fsencode(name).decode("utf-8", "backslashreplace"))
    if wrong:
        listed = ", ".join(sorted(wrong))
        raise ConfigError(
            f"the names of these files are not UTF-8, so other machines could not read them: {listed}",
            mend=f"Rename them, or name them in {IGNORE_FILE} as *, ? or the name's other letters",
        )


class _Listing:
    """Collects the names of files, with git where it can tell."""

    def __init__(self, root: Path, rules: IgnoreRules, *, ignored_files: bool = False) -> None:
        self.root = root
        self.rules = rules
        self.ignored_files = ignored_files
        self.names: set[str] = set()
        self.closed: set[str] = set()
        self.warnings: list[str] = []

    def collect(self, folder: Path, prefix: str) -> None:
        """Collect what lies in a folder; `prefix` is its name relative to the root, with a slash."""
        tracked = self._git(folder, prefix, ["--cached", "--stage"])
        if tracked is None:
            self._walk(prefix, [])
            return
        others = self._git(folder, prefix, ["--others", "--exclude-standard"]) or []
        if self.ignored_files:
            ignored = self._git(folder, prefix, ["--others", "--ignored", "--exclude-standard", "--directory"]) or []
            caches = tuple(name.removesuffix(".gitignore") for name in ignored if name.endswith("/.gitignore"))
            others += [name for name in ignored if not name.endswith("/") and not name.startswith(caches)]
        nested = {name for name in others if name.endswith("/")}
        found = {name for name in others if not name.endswith("/")}
        for entry in tracked:
            facts, _, name = entry.partition("\t")
            if facts.startswith(_GITLINK):
                nested.add(f"{name}/")
            else:
                found.add(name)
        if not found and not nested and _run_git(folder, ["check-ignore", "-q", "."]).returncode == 0:
            self._walk(prefix, [])  # of a work tree that has nothing to do with the repository
            return
        self.names.update(prefix + name for name in found)
        for name in sorted(nested):
            inner = f"{prefix}{name}"
            if never_travels(inner) or self.rules.hides(inner.rstrip("/"), folder=True):
                continue
            if (self.root / inner / ".git").exists():
                self.collect(self.root / inner, inner)
            elif (self.root / inner).is_dir():
                self.warnings.append(f"{inner} is a submodule that is not checked out: git submodule update --init")

    def _git(self, folder: Path, prefix: str, options: list[str]) -> list[str] | None:
        """List files with git; None where it is not installed or the folder is in no work tree."""
        try:
            done = _run_git(folder, ["ls-files", "-z", *options])
        except FileNotFoundError:
            if any((place / ".git").exists() for place in (folder, *folder.parents)):
                told = "git is not installed: what it tracks although a .gitignore names it was left out"
                self.warnings += [told] if told not in self.warnings else []
            return None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            if "not a git repository" in said or "must be run in a work tree" in said:
                return None
            raise ConfigError(f"git cannot list the files: {said}", str(folder))
        for closed in _CLOSED.findall(done.stderr):
            self.closed.add(prefix + os.fsdecode(closed).rstrip("/"))
        return [name for name in os.fsdecode(done.stdout).split("\0") if name]

    def _walk(self, prefix: str, above: list[tuple[str, IgnoreRules]]) -> None:
        """Collect what no `.gitignore` names, without git; ignored folders are not entered."""
        place = self.root / prefix
        try:
            with os.scandir(place) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            rules = [(prefix, IgnoreRules.read(place / ".gitignore")), *above]
        except OSError:
            self.closed.add(prefix.rstrip("/"))
            return
        if prefix and any(entry.name == _ENVIRONMENT for entry in found):
            return
        if self.ignored_files and rules[0][1].verdict(_ENVIRONMENT, folder=False):
            return  # the cache of a tool, which ignores all that is in it
        for entry in found:
            name = f"{prefix}{entry.name}"
            folder = entry.is_dir(follow_symlinks=False)
            if never_travels(name) or self.rules.hides(name, folder=folder):
                continue
            ignored = _ignored(name, folder, rules)
            if folder and not ignored:
                self._walk(f"{name}/", rules)
            elif not folder and (self.ignored_files or not ignored):
                self.names.add(name)


def _ignored(name: str, folder: bool, rules: Sequence[tuple[str, IgnoreRules]]) -> bool:
    """Say what the nearest `.gitignore` that has a rule for a name says."""
    for prefix, own in rules:
        verdict = own.verdict(name.removeprefix(prefix), folder=folder)
        if verdict is not None:
            return verdict
    return False


def _run_git(folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", "-c", "core.quotePath=false", *arguments],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def _look_at(
    root: Path, names: Iterable[str], spared: set[Path]
) -> tuple[dict[str, tuple[int, int, int]], list[str], list[str]]:
    """Return the facts of the regular files, the links, and what cannot be read; what is gone is in none of them."""
    stats: dict[str, tuple[int, int, int]] = {}
    links: list[str] = []
    closed: list[str] = []
    real: dict[Path, bool] = {}
    for name in names:
        path = root / name
        if path.parent not in real:
            real[path.parent] = path.parent.resolve() == path.parent
        if not real[path.parent]:
            continue  # git tracks it in a folder where a link is now
        try:
            facts = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            closed.append(name)
            continue
        if stat.S_ISLNK(facts.st_mode):
            links.append(name)
        elif stat.S_ISREG(facts.st_mode) and path not in spared:
            stats[name] = (facts.st_size, facts.st_mtime_ns, facts.st_mode)
            if not os.access(path, os.R_OK):
                closed.append(name)
    return stats, links, closed


def _lead(root: Path, stats: Mapping[str, object], links: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return where the links lead that may travel, and why the others stay out."""
    folders = {parent.as_posix() for name in stats for parent in Path(name).parents} if links else set()
    kept: dict[str, str] = {}
    warnings: list[str] = []
    for name in links:
        target = Path(os.path.realpath(root / name))
        inside = target.relative_to(root).as_posix() if target.is_relative_to(root) else None
        if inside is None:
            warnings.append(f"the link {name} was left out: it leads out of the repository")
        elif inside in stats or (inside in folders and not Path(name).is_relative_to(inside)):
            kept[name] = Path(os.path.relpath(target, (root / name).parent)).as_posix()
        elif not target.exists():
            warnings.append(f"the link {name} was left out: it leads nowhere")
        else:
            warnings.append(f"the link {name} was left out: it leads to {inside}, which is not in the package")
    return kept, warnings
