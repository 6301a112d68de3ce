from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from zenml.errors import ConfigError
from zenml.runtime import installing
from zenml.runtime.installing import install_missing, last_lines, without_credentials
from zenml.runtime.requirements import Need, Requirements


class Notes:
    def __init__(self) -> None:
        self.logs: list[str] = []

    def log(self, message: str) -> None:
        self.logs.append(message)

    def warn(self, message: str) -> None:
        raise AssertionError(message)

    def progress(self, label: str, total: float) -> AbstractContextManager[Any]:
        raise AssertionError(label)


def make_wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    module = name.replace("-", "_")
    folder.mkdir(exist_ok=True)
    info = f"{module}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as out:
        out.writestr(f"{module}.py", f"VERSION = {version!r}\n")
        needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
        out.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        out.writestr(f"{info}/RECORD", f"{module}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, which is all that pip can reach."""
    pytest.importorskip("pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    return tmp_path / "index"


def need(name: str, text: str = "") -> Need:
    return Need(name, "1.0", ("step own",), "", text or f"{name}==1.0")


def test_what_is_missing_is_installed_with_what_it_needs_and_nothing_else(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "first-lib-for-tests", "1.0", "second-lib-for-tests>=2", "packaging", "third-lib-for-tests")
    make_wheel(index, "first-lib-for-tests", "2.0")
    make_wheel(index, "second-lib-for-tests", "2.5")
    known = tmp_path / "unpacked"
    make_wheel(tmp_path / "third", "third-lib-for-tests", "0.1")
    with zipfile.ZipFile(next((tmp_path / "third").iterdir())) as archive:
        archive.extractall(known)
    notes = Notes()
    requirements = Requirements((need("first-lib-for-tests"), need("packaging", "packaging==1.0")))
    made = install_missing(requirements, tmp_path / "made/here", notes, path=[known])
    assert sorted(made) == ["first-lib-for-tests 1.0", "second-lib-for-tests 2.5"]
    assert notes.logs == ["installing first-lib-for-tests==1.0"]
    found = sorted(path.name for path in (tmp_path / "made/here").glob("*.py"))
    assert found == ["first_lib_for_tests.py", "second_lib_for_tests.py"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "made/here")}
    command = [sys.executable, "-c", "import first_lib_for_tests; print(first_lib_for_tests.VERSION)"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == "1.0\n"


def test_what_pip_says_when_it_fails_is_told_without_credentials(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.mkdir()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:hidden-word@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    asked = need(
        "absent-lib-for-tests",
        "absent-lib-for-tests @ http://me:hidden-word@127.0.0.1:9/absent_lib_for_tests-1-py3-none-any.whl",
    )
    with pytest.raises(ConfigError, match="pip could not install") as caught:
        install_missing(Requirements((need("other-lib-for-tests"), asked)), tmp_path / "made", notes := Notes())
    assert "127.0.0.1" in str(caught.value)
    assert "hidden-word" not in str(caught.value)
    assert "***@127.0.0.1" in notes.logs[0]
    assert "hidden-word" not in notes.logs[0]
    assert not (tmp_path / "made").exists()


def test_nothing_is_run_where_nothing_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing.subprocess, "run", None)
    made = install_missing(Requirements((need("first-lib"),)), tmp_path / "made", Notes(), installed={"First_Lib": "3"})
    assert made == []


def test_requirements_are_not_in_the_list_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    rows = [
        {"metadata": {"name": "a", "version": "1+cpu"}, "download_info": {"url": "https://x/a.whl"}},
        {"metadata": {"name": "b", "version": "2"}, "download_info": {"url": "https://x/b.whl"}, "is_direct": True},
        {
            "metadata": {"name": "c", "version": "3"},
            "download_info": {"url": "https://x/c", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "is_direct": True,
        },
    ]
    asked: list[str] = []

    def run(command: list[str], **_options: Any) -> Any:
        commands.append(command)
        asked.append(Path(command[-1]).read_text())
        if "--report" in command:
            import json

            Path(command[command.index("--report") + 1]).write_text(json.dumps({"install": rows}))
        return subprocess.CompletedProcess(command, 0, "")

    monkeypatch.setattr(installing.subprocess, "run", run)
    monkeypatch.setattr(installing.importlib.util, "find_spec", lambda name: name)
    secret = need("a", "a @ https://me:word@example.org/a")
    install_missing(Requirements((secret,)), tmp_path / "made", Notes())
    assert not any("word" in text for command in commands for text in command)
    assert asked == [f"{secret.install}\n", "a==1+cpu\nb @ https://x/b.whl\nc @ git+https://x/c@abc\n"]


def test_a_place_without_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"first-lib==1\.0 cannot be installed here: there is no pip"):
        install_missing(Requirements((need("first-lib"),)), tmp_path / "made", Notes())


def test_the_last_lines_are_those_with_text() -> None:
    text = "\n".join(f"line {number}\n" for number in range(30))
    assert last_lines(text).splitlines() == [f"line {number}" for number in range(10, 30)]
    assert without_credentials("https://a:b@c/d and https://e/f@g") == "https://***@c/d and https://e/f@g"
