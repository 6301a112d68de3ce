from __future__ import annotations

from pathlib import Path

import pytest

from zenml.data.shards import ShardJob
from zenml.errors import ConfigError
from zenml_spark.backend import ProcessingSparkBackend
from zenml_spark.java import java_problem
from zenml_spark.settings import all_settings, is_local


@pytest.mark.parametrize(
    "master", ["local", "local[*]", "local[4]", "local[2,3]", "yarn", "spark://host:7077", "k8s://https://host:6443"]
)
def test_masters_are_taken(master: str) -> None:
    assert ProcessingSparkBackend(master=master).master == master
    assert is_local(master) == master.startswith("local")


@pytest.mark.parametrize(
    ("master", "said"),
    [("locl[2]", r"Did you mean local\[2\]\?"), ("local[0]", "local"), ("mesos://host", "Known: local, ")],
)
def test_what_is_no_master_is_refused(master: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"ProcessingSparkBackend.master: there is no Spark master.*{said}"):
        ProcessingSparkBackend(master=master)


def test_all_wrong_settings_are_told_before_anything_runs(tmp_path: Path) -> None:
    conf: dict[str, str | bool | int | float] = {
        "spark.master": "yarn",
        "driver.memory": "1g",
        "spark.driver.Memory": "1g",
        "something else": True,
    }
    backend = ProcessingSparkBackend(conf=conf)
    with pytest.raises(ConfigError) as caught:
        backend.map(ShardJob("no:Op", ({},), str(tmp_path / "out")))
    assert [str(problem).removeprefix("ProcessingSparkBackend.conf: ") for problem in caught.value.problems] == [
        "spark.master is given by master=",
        "'driver.memory' does not read spark.…, as all settings of Spark do. Did you mean spark.driver.memory?",
        "Spark has no setting spark.driver.Memory. Did you mean spark.driver.memory?",
        "'something else' does not read spark.…, as all settings of Spark do",
    ]
    assert not (tmp_path / "out").exists()


def test_a_value_is_text_a_number_or_a_truth_value() -> None:
    with pytest.raises(ConfigError, match=r"ProcessingSparkBackend\.conf\.spark\.jars"):
        ProcessingSparkBackend.model_validate({"conf": {"spark.jars": ["a", "b"]}})


def test_the_user_s_settings_win_over_the_defaults() -> None:
    settings = all_settings("local[2]", "Mine", {"spark.ui.enabled": True, "spark.task.cpus": 2})
    assert settings["spark.ui.enabled"] == "true"
    assert settings["spark.task.cpus"] == "2"
    assert settings["spark.ui.showConsoleProgress"] == "false"
    assert settings["spark.driver.bindAddress"] == "127.0.0.1"
    assert (settings["spark.master"], settings["spark.app.name"]) == ("local[2]", "Mine")
    assert "spark.driver.bindAddress" not in all_settings("spark://host:7077", "Mine", {})


def test_a_spec_names_the_engine() -> None:
    backend = ProcessingSparkBackend(master="yarn", conf={"spark.ui.enabled": True, "spark.task.cpus": 2})
    config = {"master": "yarn", "conf": {"spark.ui.enabled": True, "spark.task.cpus": 2}}
    assert backend.to_config() == {"type": "ProcessingSparkBackend", "config": config}
    assert ProcessingSparkBackend.model_validate(config) == backend


def java(folder: Path, version: str) -> None:
    (folder / "bin").mkdir(parents=True)
    script = folder / "bin" / "java"
    script.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    script.chmod(0o755)


def test_a_machine_without_java_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = str(java_problem())
    assert said.startswith("Spark needs Java 17 or newer, and none was found. On Debian and Ubuntu: apt-get install ")
    assert "openjdk-17-jre-headless" in said


@pytest.mark.parametrize(
    ("version", "fit"), [("1.8.0_392", False), ("11.0.2", False), ("17.0.15", True), ("21", True), ("unheard of", True)]
)
def test_the_version_of_java_is_checked(
    version: str, fit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java(tmp_path / "jdk", version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    problem = java_problem()
    assert (problem is None) == fit
    assert problem is None or "jdk/bin/java is Java " in problem.what


def test_a_java_home_without_java_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    problem = java_problem()
    assert problem is not None
    assert f"JAVA_HOME is {tmp_path / 'none'}, where there is none" in problem.what
