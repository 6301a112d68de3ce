"""Logs: what CloudWatch has of the containers of training jobs."""

from __future__ import annotations

from typing import Any

from aws_double.refusal import Refusal

from sagemaker_double.training import Training

GROUP = "/aws/sagemaker/TrainingJobs"


class Logs:
    """The logs.

    Args:
        training: whose containers write.
    """

    def __init__(self, training: Training) -> None:
        self._training = training

    def answer(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Fulfil a call."""
        streams = self._streams()
        if params["logGroupName"] != GROUP or not streams:
            raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
        if operation == "DescribeLogStreams":
            names = [name for name in streams if name.startswith(params.get("logStreamNamePrefix", ""))]
            return {"logStreams": [{"logStreamName": name} for name in names[: params.get("limit", 50)]]}
        if operation != "GetLogEvents":
            raise AssertionError(f"the double does not know {operation}")
        if params["logStreamName"] not in streams:
            raise Refusal("ResourceNotFoundException", "The specified log stream does not exist.")
        lines = [line for line in streams[params["logStreamName"]].splitlines() if line]
        events = [{"timestamp": number, "message": line, "ingestionTime": number} for number, line in enumerate(lines)]
        return {"events": events[-params.get("limit", 10_000) :]}

    def _streams(self) -> dict[str, str]:
        jobs = self._training.jobs.values()
        return {job.log(each): each.log.read_text(errors="replace") for job in jobs for each in job.instances}
