"""The Beam runners that can be named, and how a name becomes a runner."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zenml.errors import ConfigError, closest

if TYPE_CHECKING:
    from apache_beam.runners.runner import PipelineRunner

RUNNERS: Mapping[str, str] = {
    "BundleBasedDirectRunner": "apache_beam.runners.direct.direct_runner.BundleBasedDirectRunner",
    "DataflowRunner": "apache_beam.runners.dataflow.dataflow_runner.DataflowRunner",
    "FlinkRunner": "apache_beam.runners.portability.flink_runner.FlinkRunner",
    "FnApiRunner": "apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "PortableRunner": "apache_beam.runners.portability.portable_runner.PortableRunner",
    "PrismRunner": "apache_beam.runners.portability.prism_runner.PrismRunner",
    "SparkRunner": "apache_beam.runners.portability.spark_runner.SparkRunner",
}
"""Short names and the classes that they stand for."""

SWITCHING = ("DirectRunner", "SwitchingDirectRunner")
"""Beam's defaults: they choose another runner by themselves, and may download a program for it."""


def runner_problem(runner: str) -> str:
    """Return what is wrong with the name of a runner, and the mend, without importing Beam; empty when it is fine."""
    if runner.rpartition(".")[2] in SWITCHING:
        return f"{runner} chooses a runner by itself and may download a program for it. Use FnApiRunner"
    if runner in RUNNERS or ("." in runner and all(part.isidentifier() for part in runner.split("."))):
        return ""
    mend = closest(runner, RUNNERS) or f"Known: {', '.join(RUNNERS)}; or package.module.Class"
    return f"there is no Beam runner {runner!r}. {mend}"


def make_runner(runner: str) -> PipelineRunner:
    """Make the runner of a name that `runner_problem` finds nothing wrong with.

    Raises:
        ConfigError: the module cannot be imported, or the class is no runner.
    """
    from apache_beam.runners.runner import PipelineRunner

    module, _, name = RUNNERS.get(runner, runner).rpartition(".")
    where = "ProcessingBeamBackend.runner"
    try:
        kind = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        mend = 'Run: pip install "apache-beam[gcp]"' if "dataflow" in module else ""
        raise ConfigError(f"runner {runner} cannot be imported: {error}", where, mend) from error
    if not (isinstance(kind, type) and issubclass(kind, PipelineRunner)):
        raise ConfigError(f"{runner} is not a class derived from Beam's PipelineRunner", where)
    return kind()
