from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zenml.config.git import GitFacts, GitQuery
from zenml.config.repository import current_root, find_root, make_root
from zenml.config.settings import Settings, artifact_store, metadata_store
from zenml.errors import ConfigError
from zenml.spec.model import ComponentSpec


def test_the_root_is_the_nearest_parent_with_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_root(tmp_path / "outer")
    inner = tmp_path / "outer" / "a" / "b"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path / "outer"
    make_root(tmp_path / "outer" / "a")
    assert find_root(inner) == tmp_path / "outer" / "a"
    monkeypatch.chdir(inner)
    assert current_root() == tmp_path / "outer" / "a"
    assert find_root(tmp_path) is None


def test_a_first_run_makes_the_scripts_folder_a_repository(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    script = tmp_path / "project" / "train.py"
    script.write_text("from zenml.config.repository import current_root\nprint(current_root())\n")
    (tmp_path / "elsewhere").mkdir()
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "project")
    assert (tmp_path / "project/.zenml/.gitignore").read_text().endswith("*\n")
    code = [sys.executable, "-c", script.read_text()]
    done = subprocess.run(code, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "elsewhere")


def test_git_tells_commit_and_changes(tmp_path: Path) -> None:
    assert GitQuery(tmp_path).facts() is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    assert GitQuery(tmp_path).facts() == GitFacts("", dirty=False)
    (tmp_path / "a").write_text("1")
    subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-qm", "x"], cwd=tmp_path, check=True)
    sha = subprocess.run([*git, "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert GitQuery(tmp_path).facts() == GitFacts(sha.strip(), dirty=False)
    (tmp_path / "a").write_text("2")
    changed = GitQuery(tmp_path).facts()
    assert changed
    assert (changed.sha, changed.dirty, len(changed.diff)) == (sha.strip(), True, 64)
    (tmp_path / "a").write_text("3")
    again = GitQuery(tmp_path).facts()
    assert again
    assert again.diff != changed.diff


def test_git_that_is_not_installed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with GitQuery(tmp_path) as query:
        assert query.facts() is None


def test_settings_are_kept_and_broken_ones_are_told(project: Path) -> None:
    settings = Settings(
        artifact_store="store", metadata_store=ComponentSpec(type="SQLiteMetadataStore", config={"path": "m.db"})
    )
    settings.save(project)
    assert Settings.load(project) == settings
    assert artifact_store(project).path == str(project / "store")
    assert artifact_store(project, "other").path == str(project / "other")
    assert metadata_store(project).to_config()["config"] == {"path": str(project / "m.db")}
    Settings.path(project).write_text("artifact_stor: x\n")
    with pytest.raises(ConfigError, match=r"artifact_stor: unknown parameter. Did you mean artifact_store\?"):
        Settings.load(project)
    Settings.path(project).write_text("a: [\n")
    with pytest.raises(ConfigError, match="cannot read the settings"):
        Settings.load(project)
