"""A process that trains: `python -m zenml.entrypoint train --job FILE`, alone or as one of several together.

Beside the job's file it writes `events.jsonl` while it trains, and last `answer.json`: what it made, or what
was raised. It goes on from the last checkpoint, so that it can be started again whenever it was killed. Where an answer
is there already it does nothing, which ends the restarts of a launcher that takes any error for a fault of the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.backends.placement import Placement
from zenml.data.answers import encode_error
from zenml.data.shards import atomic_file
from zenml.errors import Problem, ZenMLError
from zenml.runtime.job_runner import job_runner
from zenml.runtime.teller import Silent, Teller
from zenml.runtime.training_work import ANSWER_FILE, EVENTS_FILE
from zenml.steps.base import Step, StepContext
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import History

_GONE = ("connection closed by peer", "connection reset by peer", "broken pipe")


def train_job(file: Path) -> int:
    """Train what a job's file says; return the exit code: 0 where it trained, or where an answer was there already."""
    answer = file.with_name(ANSWER_FILE)
    if answer.exists():
        return 0
    job = json.loads(file.read_bytes())
    place = placement(job["placement"])
    try:
        made = _train(job, place, file.with_name(EVENTS_FILE))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a step raises must reach the one who waits
        if isinstance(error, ZenMLError | OSError):
            told: Exception | SystemExit = error
        else:
            traceback.print_exception(error)
            told = ZenMLError([_place_of(error)])
        if isinstance(error, ZenMLError) or (_is_last_life() and not _is_of_another(error)):
            _write(answer, {"error": json.loads(encode_error(told))})
        return 1
    if place.rank == 0:
        _write(answer, made)
    return 0


def placement(told: Mapping[str, Any]) -> Placement:
    """Return as which process this one trains, as its launcher's environment says."""
    here = {"rank": "RANK", "world": "WORLD_SIZE", "local_rank": "LOCAL_RANK"}
    found = {name: int(os.environ[variable]) for name, variable in here.items() if variable in os.environ}
    return Placement(**{**told, **found})


def _train(job: Mapping[str, Any], place: Placement, events: Path) -> dict[str, Any]:
    step: Step = Step.from_config(job["step"])
    with events.open("ab") as pipe:
        report = Teller(pipe) if place.rank == 0 else None
        history = History(report.epochs) if report else History()
        context = StepContext(
            inputs={name: StoredArtifact(**{**row, "path": Path(row["path"])}) for name, row in job["inputs"].items()},
            outputs={name: NewArtifact(step.outputs[name], Path(path)) for name, path in job["outputs"].items()},
            seed=job["seed"],
            run_job=job_runner(job["id"], None, report or Silent()),
            scratch=_scratch(Path(job["scratch"]), place.rank),
            report=report or Silent(),
            checkpoints=Checkpoints.from_json(job["checkpoints"], history, writes=place.rank == 0),
            placement=place,
        )
        for artifact in context.outputs.values() if place.rank == 0 else ():
            _empty(artifact.path)
        step.run(context)
    metrics = {name: float(value) for name, value in context.metrics.items()}  # NumPy's numbers are no JSON
    return {
        "properties": {name: artifact.properties for name, artifact in context.outputs.items()},
        "metrics": metrics,
    }


def _scratch(folder: Path, rank: int) -> Path:
    """Return an empty folder of a process of its own, whatever one before it left that was killed."""
    own = folder / f"process-{rank}"
    own.mkdir(parents=True, exist_ok=True)
    _empty(own)
    return own


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _is_last_life() -> bool:
    """Say whether the launcher, where there is one, starts this process no more."""
    lives, most = (os.environ.get(f"TORCHELASTIC_{name}", "0") for name in ("RESTART_COUNT", "MAX_RESTARTS"))
    return int(lives) >= int(most)


def _is_of_another(error: BaseException) -> bool:
    """Say whether an error only tells that another of the processes is gone."""
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _GONE)


def _place_of(error: Exception | SystemExit) -> Problem:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return Problem(f"{type(error).__name__}: {error}", where)


def _write(file: Path, value: Mapping[str, Any]) -> None:
    with atomic_file(file) as out:
        out.write(json.dumps(value).encode())
