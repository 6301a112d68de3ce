"""RemoteTrainingBackend: trains on machines that share nothing with this one but a bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from zenml.backends.interfaces import TrainingBackend
from zenml.data.shards import ShardJob, fold_order
from zenml.errors import ConfigError, StoreError, ZenMLError
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.remote_shards import FOLDER
from zenml.runtime.remote_work import RemoteWorkBackend
from zenml.runtime.step_work import StepWork, current_work
from zenml.runtime.tells import TellReader
from zenml.runtime.told import Told
from zenml.runtime.training_work import TrainingWork
from zenml.steps.trainer.checkpoints import Checkpoints

_OP = "zenml.runtime.training_shard:TrainShard"


class RemoteTrainingBackend(RemoteWorkBackend, TrainingBackend):
    """Base of the backends that train elsewhere.

    A training is a job of as many shards as there are machines. In `work`, machine number K (from 0) is started with
    the variables of `shards.environment` and runs

        python -m zenml.entrypoint train --job URI [--machine K --master HOST:PORT]

    where URI is `shards.uri`; the last two are needed where there are several, and HOST is machine 0. It ends with exit
    code 0 when its part of the training has ended, well or with an error, which `shards.look()` raises. Any other
    code means that the machine was lost; started again, with the same command, the training goes on from its last
    checkpoint.
    """

    def machines(self) -> int:
        """Say on how many machines to train."""
        return 1

    def processes(self) -> int:
        """Say how many processes train on each machine, as many as it has GPUs."""
        return 1

    def train(self, train: Callable[[], None]) -> None:
        """Send the training there, pass on what it tells, and bring home what it made.

        Where it fails or is stopped, the run's artifact store gets its last checkpoint, from which a resumed run goes
        on.

        Raises:
            ConfigError: all that is wrong with the fields or with the access, or the step is one that no other process
                can run.
            ZenMLError: what the training raised, or how the platform failed.
        """
        work = current_work()
        if not isinstance(train, TrainingWork) or work is None:
            raise ConfigError("only the training step of a pipeline can run elsewhere", type(self).__name__)
        told = train.describe()
        self.require_sound()
        mine = train.context.checkpoints
        assert mine is not None  # noqa: S101 - `describe` has looked
        folder = f"{FOLDER}/{work.run_id}"
        theirs = Checkpoints(self.staging.below(f"{folder}/checkpoints"), mine.place, mine.fingerprint, mine.parts)
        mine.hand_over(theirs)
        try:
            with ExitStack() as bars:
                reader, tell = TellReader(self.staging, _tells(folder, work)), Told(train.context, bars)

                def listen() -> None:
                    for kind, value in reader.new():
                        tell(kind, value)

                job = self._job(told, folder, work, train)
                made, *_ = fold_order(job, self.carry_out(job, listen))
        except PreemptedError:
            raise  # the run goes on elsewhere, and finds what is there
        except BaseException:
            with contextlib.suppress(ZenMLError, OSError):
                theirs.hand_over(mine)
            raise
        train.take(made)
        theirs.clear()
        with contextlib.suppress(StoreError):
            self.staging.remove(_tells(folder, work))

    def _job(self, told: dict[str, Any], folder: str, work: StepWork, train: TrainingWork) -> ShardJob:
        """Return the job: equal for an equal training in the same run, so that a resumed run finds it."""
        inputs = [row.pop("path") for row in told["inputs"].values()]
        outputs = list(told["outputs"].values())
        bare = {name: value for name, value in told.items() if name != "scratch"}
        checkpoints = {name: value for name, value in told["checkpoints"].items() if name != "store"}
        params = {
            "job": {**bare, "outputs": list(told["outputs"]), "checkpoints": checkpoints},
            "store": self.staging.uri(FOLDER).removesuffix(f"/{FOLDER}"),
            "tells": _tells(folder, work),
            "checkpoints": f"{folder}/checkpoints",
            "machines": self.machines(),
            "processes": self.processes(),
        }
        shards = tuple(
            {"machine": machine, "inputs": inputs, "outputs": [] if machine else outputs}
            for machine in range(self.machines())
        )
        return ShardJob(_OP, shards, str(train.context.scratch / "training"), params, f"train {work.step_id}")


def _tells(folder: str, work: StepWork) -> str:
    return f"{folder}/told-{work.step_id}"
