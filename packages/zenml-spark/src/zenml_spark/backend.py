"""ProcessingSparkBackend: an engine on Apache Spark."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.answers import is_error, message_of
from zenml.data.shards import ShardJob
from zenml.errors import ConfigError, Problem, ZenMLError
from zenml_spark.session import SPARK
from zenml_spark.settings import Value, all_settings, master_problem, setting_problems
from zenml_spark.work import WorkOnShards

_SLICES_PER_CORE = 4
"""More slices share the load better, fewer open the job less often."""


class ProcessingSparkBackend(ProcessingBackend):
    """Work on shards as tasks of Apache Spark.

    Executors must be able to import the operation and this package, and to read and write the folders of the job: a
    cluster needs them on a file system that all share. The connection is kept for the next job with the same settings,
    and ends with the process.

    Args:
        master: `local[*]` (this machine, all cores), `local[2]`, `spark://HOST:PORT`, `yarn`, `k8s://…`.
        conf: Spark's settings by name, as in `{"spark.executor.memory": "4g"}`.
        app_name: what Spark calls the work in its listings.
        quiet: keep Spark's own messages from the terminal; they are shown when it fails.
    """

    master: str = "local[*]"
    conf: dict[str, Value] = Field(default_factory=dict)
    app_name: str = "ZenML"
    quiet: bool = True

    @field_validator("master")
    @classmethod
    def _named(cls, value: str) -> str:
        problem = master_problem(value)
        if problem:
            raise ValueError(problem)
        return value

    def check(self) -> Iterable[Problem]:
        """Find settings that Spark would not take, or not heed."""
        return setting_problems(self.conf, f"{type(self).__name__}.conf")

    def map(self, job: ShardJob) -> list[bytes]:
        """Return the messages of all shards.

        Raises:
            ConfigError: settings are wrong or Java is missing; nothing was run.
            ZenMLError: what an operation raised, or how Spark failed.
        """
        problems = [*self.check()]
        if problems:
            raise ConfigError(problems)
        if not job.shards:
            return []
        try:
            with SPARK.use(all_settings(self.master, self.app_name, self.conf), quiet=self.quiet) as context:
                answers = _run(context, job)
        except ZenMLError:
            raise
        except Exception as error:
            what = f"Spark on {self.master} failed: {type(error).__name__}: {error}{SPARK.last_words()}"
            raise ZenMLError(what, job.label or job.op) from error
        for answer in filter(is_error, answers):
            message_of(answer)
        return [message_of(answer) for answer in answers]


def _run(context: Any, job: ShardJob) -> list[bytes]:
    path = [entry or str(Path.cwd()) for entry in sys.path]
    count = len(job.shards)
    slices = min(count, _SLICES_PER_CORE * context.defaultParallelism)
    context.setJobDescription(job.label or job.op)
    numbers = context.parallelize(range(count), slices)
    answers: list[bytes] = numbers.mapPartitions(WorkOnShards(job.to_json(), path)).collect()
    return answers
