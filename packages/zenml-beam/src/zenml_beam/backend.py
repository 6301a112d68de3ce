"""ProcessingBeamBackend: an engine on Apache Beam's runners."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, field_validator

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.answers import is_error, message_of
from zenml.data.shards import ShardJob
from zenml.errors import ConfigError, Problem, ZenMLError
from zenml_beam.quiet import import_beam
from zenml_beam.runners import make_runner, runner_problem


class ProcessingBeamBackend(ProcessingBackend):
    """Work on shards in an Apache Beam pipeline.

    Workers must be able to import the operation and this package, and to read and write the folders of the job: a
    runner on other machines needs them on a file system that all share.

    Args:
        runner: a short name (`FnApiRunner`, `FlinkRunner`, `SparkRunner`, `PortableRunner`, …) or
            `package.module.Class`. By default Beam's own runner in this process.
        pipeline_options: Beam's pipeline options by name, as in `{"direct_num_workers": 2, "direct_running_mode":
            "multi_processing"}`.
    """

    runner: str = "FnApiRunner"
    pipeline_options: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("runner")
    @classmethod
    def _named(cls, value: str) -> str:
        problem = runner_problem(value)
        if problem:
            raise ValueError(problem)
        return value

    def check(self) -> Iterable[Problem]:
        """Find options that Beam does not know or whose values it does not take."""
        if self.pipeline_options:
            from zenml_beam.options import option_problems

            import_beam()
            yield from option_problems(self.pipeline_options, f"{type(self).__name__}.pipeline_options")

    def map(self, job: ShardJob) -> list[bytes]:
        """Return the messages of all shards.

        Raises:
            ConfigError: the runner or its options are not usable; nothing was run.
            ZenMLError: what an operation raised, or how Beam failed.
        """
        problems = [*self.check()]
        if problems:
            raise ConfigError(problems)
        if not job.shards:
            return []
        beam = import_beam()
        from zenml_beam.work import read_answers

        runner = make_runner(self.runner)
        with _folder_beside(job) as folder:
            try:
                self._run(beam, runner, job, folder)
            except Exception as error:
                for answer in filter(is_error, read_answers(folder)):
                    message_of(answer)
                what = f"Beam's {self.runner} failed: {type(error).__name__}: {error}"
                raise ZenMLError(what, job.label or job.op) from error
            return [message_of(answer) for answer in read_answers(folder)]

    def _run(self, beam: Any, runner: Any, job: ShardJob, folder: Path) -> None:
        from zenml_beam.options import make_options
        from zenml_beam.work import WorkOnShards

        path = [entry or str(Path.cwd()) for entry in sys.path]
        pipeline = beam.Pipeline(runner=runner, options=make_options(self.pipeline_options))
        numbers = pipeline | beam.Create(range(len(job.shards)), reshuffle=False) | beam.Reshuffle()
        numbers | job.op >> beam.ParDo(WorkOnShards(job.to_json(), path, str(folder)))
        state = pipeline.run().wait_until_finish()
        if state not in (None, "DONE"):
            raise RuntimeError(f"the pipeline ended as {state}")


@contextmanager
def _folder_beside(job: ShardJob) -> Iterator[Path]:
    """Give a folder for answers beside the job's output, and remove it; workers that still run leave off then."""
    out = Path(job.out).absolute()
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.answers-", dir=out.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
