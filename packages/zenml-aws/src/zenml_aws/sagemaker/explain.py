"""Why a training job ended without a model: what SageMaker and the container's output say of it, in words."""

from __future__ import annotations

from collections.abc import Sequence

from zenml.errors import Problem
from zenml_aws import causes
from zenml_aws.causes import Cause

_TABLE = (
    Cause(
        r"No module named '?(?P<told>zenml\w*)",
        "the image has no {told}",
        "Install zenml-core, zenml-aws and the trainer's distribution, of this machine's versions, into image=",
    ),
    Cause(
        r"exec: \"(?P<told>[^\"]+)\": executable file not found|(?P<other>python\S*): (command )?not found",
        "the image has no {told}",
        "Name its interpreter: python=",
    ),
    Cause(
        r"CannotStartContainerError",
        "SageMaker cannot start the container",
        "Name the image's interpreter: python=; and let the image be for the processors of instance_type=",
    ),
    Cause(
        r"Cannot pull algorithm container|[Cc]annot find repository|CannotPull|image.* (does not exist|not found)",
        "SageMaker cannot pull the image",
        "Push it, and grant the role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer",
    ),
    Cause(
        r"CapacityError|[Uu]nable to provision requested ML compute|[Ii]nsufficient capacity",
        "SageMaker has no capacity for this instance type now",
        "Run again later, or name another type: instance_type=",
    ),
    Cause(
        r"MaxWaitTimeExceeded",
        "the job waited too long for spot capacity",
        "Give it more: spot_wait_seconds=; or leave spot out",
    ),
    Cause(
        r"MaxRuntimeExceeded|[Mm]ax(imum)? run ?time",
        "the training took longer than it may",
        "Give it more: deadline_seconds=; it goes on from its last checkpoint: zenml run resume",
    ),
    Cause(
        r"MaxPendingTimeExceeded",
        "the job waited too long for capacity",
        "Run again later, or name another type: instance_type=",
    ),
    Cause(
        r"[Oo]ut ?[Oo]f ?[Mm]emory|MemoryError|instance type with more memory|exit code: 137",
        "the training ran out of memory",
        "Give it more: instance_type=; or less to hold: batch_size=",
    ),
    Cause(
        r"[Nn]o space left on device|[Ii]nsufficient disk space",
        "the volume is full",
        "Give it more: volume_size_gb=",
    ),
    Cause(
        r"[Cc]ould not assume role|not authorized to perform: sts:AssumeRole",
        "SageMaker cannot assume the role of the job",
        "Let role= name one that exists, and that trusts sagemaker.amazonaws.com",
    ),
    Cause(
        r"[Aa]ccess ?[Dd]enied|access to the bucket \S+ is denied|not authorized to perform: (?P<told>\S+)",
        "the role of the job may not do what the job needs",
        "Grant it s3:ListBucket, GetObject, PutObject and DeleteObject on job_dir",
    ),
    Cause(
        r"InternalServerError",
        "SageMaker had an error of its own",
        "Run again: zenml run resume; or let it try more often by itself: max_restarts=",
    ),
    Cause(
        r"AlgorithmError.*exit code: (?P<told>-?\d+)",
        "the training ended with exit code {told}, and told nothing",
        "Look at what it wrote last",
    ),
)


def explained(details: str, words: Sequence[str], where: str) -> Problem:
    """Return why a job ended.

    Args:
        details: what SageMaker says.
        words: the last lines that the containers wrote.
        where: what to call the job.
    """
    return causes.explained(_TABLE, "SageMaker", details, words, where)
