"""What the containers of a training job wrote, as far as CloudWatch has it."""

from __future__ import annotations

from zenml.errors import ZenMLError
from zenml_aws.session import Service

GROUP = "/aws/sagemaker/TrainingJobs"
"""The group of logs that SageMaker writes to."""

_LINES = 20
_WIDEST = 400
_MOST_STREAMS = 4


def last_lines(logs: Service, job: str) -> list[str]:
    """Return the last lines of each container of a job; none where there are none, or they may not be read.

    Args:
        logs: CloudWatch Logs.
        job: the name of the job.
    """
    try:
        found = logs.call("DescribeLogStreams", logGroupName=GROUP, logStreamNamePrefix=f"{job}/", limit=_MOST_STREAMS)
        streams = [str(row["logStreamName"]) for row in found["logStreams"]]
        lines: list[str] = []
        for stream in streams:
            told = _of(logs, stream)
            lines += [f"{stream.rpartition('/')[2]}: {line}" for line in told] if len(streams) > 1 else told
    except ZenMLError:
        return []  # it is no more than a help
    return lines


def _of(logs: Service, stream: str) -> list[str]:
    found = logs.call("GetLogEvents", logGroupName=GROUP, logStreamName=stream, limit=_LINES, startFromHead=False)
    written = [line for event in found["events"] for line in str(event["message"]).splitlines() if line.strip()]
    return [line[:_WIDEST] for line in written[-_LINES:]]
