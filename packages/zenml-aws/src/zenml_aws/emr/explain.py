"""Why a job failed: what EMR and the driver's log say of it, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from zenml.errors import Problem
from zenml_aws import causes
from zenml_aws.causes import Cause

_TABLE = (
    Cause(
        r"[Cc]ould not assume|not authorized to perform: sts:AssumeRole|trust relationship",
        "EMR cannot assume the role of the job",
        "Let execution_role_arn= name a role that exists, and that trusts emr-serverless.amazonaws.com (on a cluster: "
        "its instances' role)",
    ),
    Cause(
        r"(?P<told>the cluster is TERMINAT\w+)",
        "{told} in the middle of the job",
        "Run again on another one: cluster_id=; or on EMR Serverless: execution_role_arn=",
    ),
    Cause(
        r"zenml-emr: (?P<told>Python \S+ at \S+ lacks ZenML: .*)",
        "{told}",
        "Install zenml-aws, of this machine's version, into what environment= or image= names",
    ),
    Cause(
        r"zenml-emr: (?P<told>the deadline of \d+ s has passed)|(?P<other>[Jj]ob (run )?timed? ?out)",
        "{told}",
        "Give it more: deadline_seconds=, executors=",
    ),
    Cause(
        r"Cannot run program \"(?P<told>[^\"]+)\"",
        "EMR finds no interpreter at {told}",
        "environment= must be an archive with bin/python in it; with image=, name its interpreter: python=",
    ),
    Cause(
        r"(?P<told>s3://[^\s'\"]+\.(tar\.gz|tgz|zip))[^\n]*(does not exist|[Nn]ot ?[Ff]ound|No such file|404)"
        r"|(does not exist|[Nn]ot ?[Ff]ound|No such file)[^\n]*?(?P<other>s3://[^\s'\"]+\.(tar\.gz|tgz|zip))",
        "the environment {told} is not there, or the role may not read it",
        "Put it there, and grant the role s3:GetObject on it",
    ),
    Cause(
        r"[Ii]mage.*(not found|does not exist|cannot be pulled|pull access denied)|Failed to pull|ImagePull|"
        r"CannotPullContainer",
        "EMR cannot pull the image",
        "Push it, and let its repository's policy grant emr-serverless.amazonaws.com ecr:BatchGetImage, "
        "ecr:GetDownloadUrlForLayer and ecr:DescribeImages",
    ),
    Cause(
        r"maximumCapacity|MaxCapacityExceeded",
        "the application's maximum capacity is used up",
        "Raise it, or ask for less: executors=, executor_cores=, executor_memory=",
    ),
    Cause(
        r"ServiceQuotaExceeded|[Qq]uota|[Ii]nsufficient capacity|InsufficientCapacity|could not be allocated",
        "EMR has no room for the job's workers",
        "Have the account's vCPU quota raised, ask for less (executors=, executor_cores=), or run again later",
    ),
    Cause(
        r"OutOfMemoryError|MemoryError|[Ee]xceeding (physical )?memory limits|[Oo]ut of memory|OOMKilled|"
        r"[Ee]xit ?[Cc]ode:? 137|[Ee]xit status:? 137",
        "a worker ran out of memory",
        "Give it more: executor_memory= (Python's share: spark.executor.memoryOverhead in conf=), driver_memory=",
    ),
    Cause(
        r"ExecutorLostFailure|[Ee]xecutor (\d+ )?(heartbeat timed out|lost|exited)|Lost executor",
        "executors were lost, more often than Spark tries again",
        "Look at the executors' logs; spark.task.maxFailures in conf= lets Spark try more often",
    ),
    Cause(
        r"Access ?Denied|not authorized to perform: (?P<told>\S+)",
        "the role of the job may not do what the job needs",
        "Grant it s3:ListBucket, GetObject, PutObject and DeleteObject on the staging location",
    ),
)


def explained(details: str, words: Sequence[str], where: str) -> Problem:
    """Return why a job failed.

    Args:
        details: what EMR says.
        words: the last lines of the driver's log.
        where: what to call the job.
    """
    return causes.explained(_TABLE, "EMR", details, words, where)
