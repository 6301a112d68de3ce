"""The interfaces of the processing, training and deployer backends: what a plugin author implements."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from zenml.backends.base import BaseBackend
from zenml.backends.placement import Placement
from zenml.data.shards import ShardJob

if TYPE_CHECKING:
    from collections.abc import Callable


class StepBackend(BaseBackend):
    """What the engines of steps have in common: subclass `ProcessingBackend` or `TrainingBackend`."""

    REMOTE: ClassVar[bool] = False
    """Whether something of a run may stay elsewhere, which `clean_up` removes."""

    def clean_up(self, run_id: str) -> None:
        """Remove all that is held elsewhere of a run; called when the run ends; no error where nothing is."""


class ProcessingBackend(StepBackend):
    """Where the shards of a data step are worked on."""

    BACKEND_TYPE = "processing"

    @abstractmethod
    def map(self, job: ShardJob) -> Iterable[bytes]:
        """Call `job.open().work(number)` for every shard number, and return the messages in any order.

        Open the job once per worker. A shard may be worked on twice, in any process that reads and writes the job's
        folders. Whatever an operation raises must reach the caller: `zenml.data.answers` carries it from other
        processes. `ProcessingBackendConformance` in `zenml.testing` is the suite for all of this.
        """


class TrainingBackend(StepBackend):
    """Where and how one trainer step runs."""

    BACKEND_TYPE = "training"

    FINGERPRINTED: ClassVar[tuple[str, ...]] = ()
    """Fields that change a training's result (device, world size, precision) and so belong to the fingerprint."""

    FRAMEWORKS: ClassVar[tuple[str, ...]] = ()
    """The distributions of the frameworks whose trainers it runs (`("torch",)`); empty for those of any."""

    def placement(self) -> Placement:
        """Say on what a trainer that is called in this process trains."""
        return Placement()

    @abstractmethod
    def train(self, train: Callable[[], None]) -> None:
        """Run the trainer step, `train`, to its end; whatever it raises must reach the caller.

        `TrainingBackendConformance` in `zenml.testing` is the suite for all of this.
        """


class DeployerBackend(BaseBackend):
    """Where a model bundle is served."""

    BACKEND_TYPE = "deployer"

    @abstractmethod
    def deploy(self, name: str, bundle: str) -> Mapping[str, Any]:
        """Serve the model bundle at URI `bundle` as endpoint `name`; return what describes the endpoint (JSON types).

        Deploying a name again replaces what it serves.
        """

    @abstractmethod
    def undeploy(self, name: str) -> None:
        """Stop serving `name` and free what it holds; an unknown name is no error."""
