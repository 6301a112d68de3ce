"""What an application is set up with: Spark's settings, for EMR Serverless and for a cluster; pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from zenml.errors import Problem
from zenml_aws.emr.fields import Setting

if TYPE_CHECKING:
    from zenml_aws.emr.backend import ProcessingEMRBackend

_UNPACKED = "environment"
_INTERPRETER = f"./{_UNPACKED}/bin/python"
_OWN = {
    "spark.app.name": "the run's id",
    "spark.archives": "environment=",
    "spark.driver.cores": "driver_cores=",
    "spark.driver.memory": "driver_memory=",
    "spark.dynamicAllocation.maxExecutors": "executors=",
    "spark.executor.cores": "executor_cores=",
    "spark.executor.memory": "executor_memory=",
    "spark.master": "cluster_id= or application_id=",
    "spark.submit.deployMode": "cluster_id= or application_id=",
}
MOST_SETTINGS = 100
"""EMR Serverless takes no more properties in one place."""


def setting_problems(conf: Mapping[str, Setting], where: str) -> Iterable[Problem]:
    """Yield what is wrong with a user's settings, as far as names tell."""
    for name in conf:
        if name in _OWN:
            yield Problem(f"{name} is given by {_OWN[name]}", where)
        elif not re.fullmatch(r"spark(\.[\w\-]+)+", name):
            yield Problem(f"{name!r} does not read spark.…, as all settings of Spark do", where)
    if len(conf) > MOST_SETTINGS:
        yield Problem(f"{len(conf)} settings are given, and EMR takes {MOST_SETTINGS}", where)


def settings_of(backend: ProcessingEMRBackend) -> dict[str, str]:
    """Return the settings that a backend's fields ask for; those of `conf` are not among them."""
    asked: dict[str, Setting | None] = {
        "spark.executorEnv.OPENBLAS_NUM_THREADS": 1,  # Spark itself limits OpenMP's threads, and so Arrow's
        "spark.executorEnv.PYTHONSAFEPATH": 1,
        "spark.archives": f"{backend.environment}#{_UNPACKED}" if backend.environment else None,
        "spark.driver.cores": backend.driver_cores,
        "spark.driver.memory": backend.driver_memory,
        "spark.executor.cores": backend.executor_cores,
        "spark.executor.memory": backend.executor_memory,
        "spark.dynamicAllocation.maxExecutors": backend.executors,
    }
    python = backend.python or (_INTERPRETER if backend.environment else None)
    driver = "spark.yarn.appMasterEnv" if backend.cluster_id else "spark.emr-serverless.driverEnv"
    for variable in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        asked[f"{driver}.{variable}"] = python
    asked["spark.executorEnv.PYSPARK_PYTHON"] = python
    for variables in (driver, "spark.executorEnv"):
        asked[f"{variables}.AWS_DEFAULT_REGION"] = backend.region
    if backend.cluster_id:
        asked["spark.yarn.maxAppAttempts"] = 1  # the client starts a step again, and knows why
    return text_of({name: value for name, value in asked.items() if value is not None})


def text_of(conf: Mapping[str, Setting]) -> dict[str, str]:
    """Return settings in Spark's words."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in conf.items()}
