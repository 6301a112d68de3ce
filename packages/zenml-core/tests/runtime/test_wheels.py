from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from zenml.errors import ConfigError
from zenml.runtime import wheels
from zenml.runtime.package import build_package, unpack
from zenml.runtime.wheels import build_wheels

BACKEND = """
import base64, hashlib, os, time, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "own_lib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as out:
        for path in {order}:
            out.writestr(zipfile.ZipInfo(path, time.localtime()[:6]), "x = 1\\n")
        out.writestr("own_lib-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: own-lib\\nVersion: 1.0\\n")
        out.writestr("own_lib-1.0.dist-info/RECORD", "own_lib.py,sha256=a,1\\nempty.py,,\\n.env,,\\nsecond.py,,\\n")
    os.makedirs("log", exist_ok=True)
    with open("log/built.txt", "a") as log:
        log.write("built\\n")
    print("building went well")
    {ending}
    return name
"""


def use_own_backend(project: Path, order: str = "('own_lib.py', 'second.py', '.env')", ending: str = "") -> None:
    """Let a project be built by a backend of its own."""
    system = 'requires = []\nbuild-backend = "own_backend"\nbackend-path = ["tools"]'
    (project / "pyproject.toml").write_text(f"[build-system]\n{system}\n")
    (project / "tools").mkdir(exist_ok=True)
    (project / "tools/own_backend.py").write_text(BACKEND.format(order=order, ending=ending))
    (project / ".gitignore").write_text("log/\n.env\n__pycache__/\n")


@pytest.fixture
def own(site: Any, tmp_path: Path) -> Path:
    project: Path = site.install_editable(tmp_path / "next door", "own-lib")
    use_own_backend(project)
    return project


def builds(project: Path) -> int:
    log = project / "log/built.txt"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_an_editable_install_travels_and_works_without_an_installer(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hatchling")
    site.install_editable(tmp_path / "next-door", "next-door", "1.2")
    (wheel,) = build_wheels(["Next.Door"], tmp_path / "cache")
    assert wheel.name == "next_door-1.2-py3-none-any.whl"
    (tmp_path / "repo").mkdir()
    made = build_package(tmp_path / "repo", ["."], [], [wheel])
    (folder,) = unpack(made.data, made.digest, tmp_path / "out")
    check = (
        "import importlib.metadata as m, json, next_door; (point,) = m.entry_points(group='tests.next_door');"
        "print(json.dumps([next_door.__file__, m.version('next-door'), point.load()()]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", check], env=environment, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [str(folder / "next_door/__init__.py"), "1.2", "1.2"]


def test_a_wheel_is_built_once_for_the_same_source(own: Path, tmp_path: Path) -> None:
    first = build_wheels(["own-lib"], tmp_path / "cache")
    assert build_wheels(["own-lib"], tmp_path / "cache") == first
    assert builds(own) == 1
    (own / "src/own_lib/__init__.py").write_text("changed = True\n")
    (again,) = build_wheels(["own-lib"], tmp_path / "cache")
    assert builds(own) == 2
    assert again.read_bytes() == first[0].read_bytes()
    assert sorted(path.name.partition("-")[0] for path in (tmp_path / "cache").iterdir()) == ["own", "own"]


def test_a_backend_that_is_not_deterministic_gives_the_same_bytes_all_the_same(own: Path, tmp_path: Path) -> None:
    (first,) = build_wheels(["own-lib"], tmp_path / "one")
    use_own_backend(own, order="('second.py', 'own_lib.py', '.env')")
    (second,) = build_wheels(["own-lib"], tmp_path / "two")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == [
            "own_lib-1.0.dist-info/METADATA",
            "own_lib-1.0.dist-info/RECORD",
            "own_lib.py",
            "second.py",
        ]
        record = archive.read("own_lib-1.0.dist-info/RECORD").decode()
        assert record == "empty.py,,\nown_lib.py,sha256=a,1\nsecond.py,,\n"
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_only_the_latest_builds_are_kept(own: Path, site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_KEPT", 1)
    other = site.install_editable(tmp_path / "other", "own-lib-extra")
    use_own_backend(other)
    (kept,) = build_wheels(["own-lib-extra"], tmp_path / "cache")
    for number in range(2):
        (own / "src/own_lib/__init__.py").write_text(f"number = {number}\n")
        (last,) = build_wheels(["own-lib"], tmp_path / "cache")
    assert kept.is_file()
    assert last.is_file()
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_large_files_count_by_size_and_time(own: Path, tmp_path: Path) -> None:
    with (own / "model.bin").open("wb") as file:
        file.truncate(2 << 30)
    build_wheels(["own-lib"], tmp_path / "cache")
    os.utime(own / "model.bin", (1, 1))
    build_wheels(["own-lib"], tmp_path / "cache")
    assert builds(own) == 2


def test_a_version_that_git_gives_counts(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (own / "pyproject.toml").read_text()
    (own / "pyproject.toml").write_text(text.replace("requires = []", 'requires = ["setuptools-scm; extra == 0"]'))
    said = iter([b"v1", b"v1", b"v2"])
    run = subprocess.run

    def describe(command: list[str], **options: Any) -> Any:
        done = run(command, **options)
        if "describe" in command:
            done.stdout = next(said)
        return done

    monkeypatch.setattr(wheels.subprocess, "run", describe)
    monkeypatch.setattr(wheels, "unmet", lambda _texts, _installed: ({}, []))
    for _ in range(3):
        build_wheels(["own-lib"], tmp_path / "cache")
    assert builds(own) == 2


def test_what_cannot_be_built_is_told_with_the_last_lines_of_the_build(own: Path, site: Any, tmp_path: Path) -> None:
    use_own_backend(own, ending="raise SystemError('no compiler at https://me:word@example.org/x')")
    gone = site.install_editable(tmp_path / "gone", "gone-lib")
    gone.rename(tmp_path / "moved")
    damaged = site.install_editable(tmp_path / "damaged", "damaged-lib")
    (damaged / "pyproject.toml").write_text("[")
    with pytest.raises(ConfigError) as caught:
        build_wheels(["own-lib", "gone-lib", "damaged-lib", "not-editable"], tmp_path / "cache")
    damaged_said, gone_said, plain_said, own_said = map(str, caught.value.problems)
    assert "its pyproject.toml cannot be read" in damaged_said
    assert gone_said == f"gone-lib: its folder {tmp_path / 'gone'} is gone. Run: pip uninstall gone-lib"
    assert plain_said == "not-editable: it is not installed editable here"
    assert "own-lib is installed editable" in own_said
    assert "building went well" in own_said
    assert "SystemError: no compiler at https://***@example.org/x" in own_said
    assert [path.name for path in (tmp_path / "cache").iterdir()] == []


def test_a_build_that_makes_no_wheel_is_told(own: Path, tmp_path: Path) -> None:
    use_own_backend(own, ending="os.remove(os.path.join(folder, name))")
    with pytest.raises(ConfigError, match="which cannot be built"):
        build_wheels(["own-lib"], tmp_path / "cache")


def test_without_the_backend_pip_builds_in_an_environment_of_its_own(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip")
    (own / "pyproject.toml").write_text('[build-system]\nrequires = ["no-such-backend"]\nbuild-backend = "absent"\n')
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ConfigError, match="no-such-backend"):
        build_wheels(["own-lib"], tmp_path / "cache")
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match='pip install "no-such-backend"'):
        build_wheels(["own-lib"], tmp_path / "cache")


def test_a_backend_that_asks_for_more_is_left_to_pip(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (own / "tools/own_backend.py").open("a") as file:
        file.write("\ndef get_requires_for_build_wheel(config_settings=None):\n    return ['no-such-tool']\n")
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match="building its wheel takes pip"):
        build_wheels(["own-lib"], tmp_path / "cache")
    assert builds(own) == 0


def test_a_project_without_a_build_system_is_built_by_setuptools(own: Path) -> None:
    (own / "pyproject.toml").unlink()
    assert wheels._build_system(own)["build-backend"] == "setuptools.build_meta:__legacy__"
    (own / "pyproject.toml").write_text("[tool.black]\n")
    assert wheels._build_system(own)["requires"] == ["setuptools>=40.8"]


def test_no_names_build_nothing(tmp_path: Path) -> None:
    assert build_wheels([], tmp_path / "cache") == []
    assert not (tmp_path / "cache").exists()
