"""What a Spark session is set up with: the user's settings over defaults that keep it quiet and on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from zenml.errors import Problem, closest

Value = str | bool | int | float

MASTERS = ("local", "local[*]", "local[2]", "yarn", "spark://HOST:7077", "k8s://https://HOST:6443")
"""Examples of what names a cluster."""

_MASTER = re.compile(r"local(\[(\*|[1-9]\d*)(,\s*[1-9]\d*)?\])?|local-cluster\[.+\]|yarn|(spark|k8s)://.+")
_OWN = {"spark.master": "master=", "spark.app.name": "app_name="}
_COMMON = (
    "spark.default.parallelism",
    "spark.driver.extraJavaOptions",
    "spark.driver.maxResultSize",
    "spark.driver.memory",
    "spark.dynamicAllocation.enabled",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.jars.packages",
    "spark.kubernetes.container.image",
    "spark.kubernetes.namespace",
    "spark.local.dir",
    "spark.python.worker.reuse",
    "spark.submit.deployMode",
    "spark.task.cpus",
    "spark.task.maxFailures",
    "spark.ui.enabled",
    "spark.yarn.queue",
)


def is_local(master: str) -> bool:
    """Tell whether a master names this machine."""
    return master.startswith("local")


def master_problem(master: str) -> str:
    """Return what is wrong with the name of a master, and the mend; empty when it is fine."""
    if _MASTER.fullmatch(master):
        return ""
    mend = closest(master, MASTERS) or f"Known: {', '.join(MASTERS)}"
    return f"there is no Spark master {master!r}. {mend}"


def setting_problems(conf: Mapping[str, Value], where: str) -> Iterable[Problem]:
    """Yield what is wrong with settings, as far as names tell: Spark takes any that begins with `spark.`."""
    for name in conf:
        if name in _OWN:
            yield Problem(f"{name} is given by {_OWN[name]}", where)
        elif not re.fullmatch(r"spark(\.[\w\-]+)+", name):
            mend = closest(name, _COMMON) or closest(f"spark.{name}", _COMMON)
            yield Problem(f"{name!r} does not read spark.…, as all settings of Spark do", where, mend)
        elif misspelt := _misspelt(name):
            yield Problem(f"Spark has no setting {name}", where, f"Did you mean {misspelt}?")


def _misspelt(name: str) -> str:
    """Return the common setting that a name differs from in case alone; Spark would ignore it without a word."""
    return next((known for known in _COMMON if known.lower() == name.lower() and known != name), "")


def all_settings(master: str, app_name: str, conf: Mapping[str, Value]) -> dict[str, str]:
    """Return all settings as Spark's text."""
    defaults: dict[str, Value] = {
        "spark.ui.enabled": False,
        "spark.ui.showConsoleProgress": False,
        "spark.executorEnv.PYTHONSAFEPATH": "1",
        "spark.executorEnv.OPENBLAS_NUM_THREADS": "1",  # Spark itself limits OpenMP's threads, and so Arrow's
        "spark.executorEnv.VECLIB_MAXIMUM_THREADS": "1",
    }
    if is_local(master):
        defaults |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    everything = {**defaults, **conf, "spark.master": master, "spark.app.name": app_name}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in everything.items()}
