"""TrainingJobs: the training jobs of an account in one region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zenml_aws.api_trouble import RefusedError
from zenml_aws.sagemaker.refusals import in_words
from zenml_aws.session import Service

_LIVE = ("InProgress",)
_PASSING = ("Stopping", "Deleting")
EXIT_LOST = 75
"""Exit code of a machine whose training can go on."""


@dataclass(frozen=True)
class TrainingJob:
    """A training job as SageMaker sees it.

    Args:
        name: the job's.
        status: SageMaker's word for its state.
        stage: its word for how far that is, as `Downloading`.
        reason: why it failed.
        message: what it says of the stage.
    """

    name: str
    status: str
    stage: str = ""
    reason: str = ""
    message: str = ""

    @property
    def live(self) -> bool:
        """Whether it is to bring an answer."""
        return self.status in _LIVE

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self.status not in (*_LIVE, *_PASSING)

    @property
    def busy(self) -> bool:
        """Whether its containers may be at work, now or later."""
        return self.live and self.stage not in ("Uploading", "Completed")

    @property
    def lost(self) -> bool:
        """Whether it ended because something was killed, so that it can go on from its last checkpoint."""
        return self.status == "Failed" and self.reason.endswith(f"exit code: {EXIT_LOST}")

    @property
    def details(self) -> str:
        """What SageMaker says of its end."""
        told = self.reason or self.message
        return told if self.stage in ("Failed", "Completed") and told else f"{self.stage or self.status} {told}".strip()


class TrainingJobs:
    """The jobs.

    Args:
        sagemaker: the service.
    """

    def __init__(self, sagemaker: Service) -> None:
        self._service = sagemaker

    def look(self, name: str) -> TrainingJob | None:
        """Return how a job stands; None where there is none of that name."""
        try:
            found = self._service.call("DescribeTrainingJob", TrainingJobName=name)
        except RefusedError as error:
            if _is_missing(error):
                return None
            raise
        passed = found.get("SecondaryStatusTransitions") or [{}]
        return TrainingJob(
            name,
            found["TrainingJobStatus"],
            found.get("SecondaryStatus", ""),
            found.get("FailureReason", ""),
            passed[-1].get("StatusMessage", ""),
        )

    def create(self, body: Mapping[str, Any]) -> None:
        """Make a job; one of its name that is there already is it.

        Raises:
            RefusedError: SageMaker refuses it; in words where its meaning is known.
        """
        try:
            self._service.call("CreateTrainingJob", **body)
        except RefusedError as error:
            if error.code != "ResourceInUse":
                raise in_words(error) from error

    def stop(self, name: str) -> None:
        """Ask a job to stop; no error where it has ended, or where there is none."""
        try:
            self._service.call("StopTrainingJob", TrainingJobName=name)
        except RefusedError as error:
            if _is_missing(error):
                return
            there = self.look(name) if error.code == "ValidationException" else None
            if there is None or there.live:
                raise

    def live(self, prefix: str) -> Iterator[str]:
        """Give the names, of those that begin with a prefix, of the jobs that are to bring an answer."""
        rows = self._service.all(
            "ListTrainingJobs", "TrainingJobSummaries", NameContains=prefix, StatusEquals="InProgress", MaxResults=100
        )
        for row in rows:
            if str(row["TrainingJobName"]).startswith(prefix):
                yield str(row["TrainingJobName"])


def _is_missing(error: RefusedError) -> bool:
    """Say whether a refusal tells that there is no such job, which SageMaker has two ways to say."""
    return error.code == "ResourceNotFound" or (error.code == "ValidationException" and "not found" in str(error))
