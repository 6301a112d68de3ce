"""The entry point of a remote job, `python -m zenml.entrypoint run --spec URI`, and of other processes of a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zenml.errors import ZenMLError
from zenml.secrets.env_file import load_env_file
from zenml.secrets.stream import redact_output


def main(arguments: list[str] | None = None) -> int:
    """Run a staged job; return the exit code: as `zenml.runtime.remote_job` says, or 2 for bad usage."""
    parser = argparse.ArgumentParser(prog="python -m zenml.entrypoint", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="verify the package, run the pipeline in a child, write how it ended")
    run.add_argument("--spec", required=True, help="URI of the staged spec")
    execute = verbs.add_parser("execute", help="run the pipeline in this process; called by run")
    execute.add_argument("--spec", required=True, help="URI of the staged spec")
    execute.add_argument("--root", required=True, type=Path, help="folder with the unpacked code")
    verbs.add_parser("step", help="run one step of a run; standard input says which, and ends it when it closes")
    train = verbs.add_parser("train", help="train as a job says, alone or as one of several processes or machines")
    train.add_argument("--job", required=True, help="file that a training backend wrote, or URI of a staged training")
    train.add_argument("--machine", type=int, default=0, help="number of this machine, where several train together")
    train.add_argument("--master", default="", help="HOST:PORT of machine 0, where several train together")
    options = parser.parse_args(arguments)
    try:
        load_env_file()
        if options.verb == "step":
            from zenml.runtime.step_process import run_step

            return run_step()
        if options.verb == "train":
            if "://" in options.job or Path(options.job).is_dir():
                from zenml.runtime.training_machine import train_staged

                return train_staged(options.job, options.machine, options.master)
            from zenml.runtime.training_process import train_job

            return train_job(Path(options.job))
        if options.verb == "run":
            from zenml.runtime.supervisor import supervise

            return supervise(options.spec)
        from zenml.metadata.records import State
        from zenml.runtime.staged_job import StagedJob

        return 0 if StagedJob.open(options.spec).execute(options.root) is State.COMPLETE else 1
    except ZenMLError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - the log of the job
        return error.exit_code


if __name__ == "__main__":
    redact_output()  # what a job prints is kept
    sys.exit(main())
