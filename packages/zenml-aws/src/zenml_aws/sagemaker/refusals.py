"""What SageMaker's refusals to begin a training job mean, and what to do about them."""

from __future__ import annotations

import re

from zenml.errors import Problem
from zenml_aws.api_trouble import RefusedError

_TABLE = (
    (
        "ResourceLimitExceeded",
        "",
        "the account's quota for this instance type is used up",
        "Have it raised (Service Quotas: … for training job usage), end other jobs, or take another instance_type=",
    ),
    (
        "ValidationException",
        r"[Cc]ould not assume role",
        "SageMaker cannot assume the role of the job",
        "Let role= name one that exists, and that trusts sagemaker.amazonaws.com",
    ),
    (
        "ValidationException",
        r"[Rr]esourceConfig\.[Ii]nstanceType|[Ii]nstance [Tt]ype",
        "SageMaker does not take the instance type",
        "Name another one: instance_type=",
    ),
    (
        "ValidationException",
        r"[Rr]epository|[Ii]mage",
        "SageMaker does not take the image",
        "Push it, or name another one: image=",
    ),
    (
        "ValidationException",
        r"[Ss]ubnet|[Ss]ecurity [Gg]roup",
        "SageMaker does not take the network",
        "Name those of one VPC, in the job's region: subnet_ids=, security_group_ids=",
    ),
    (
        "ValidationException",
        r"MaxRuntimeInSeconds|MaxWaitTimeInSeconds",
        "SageMaker does not let a job take so long",
        "Ask for less: deadline_seconds=, spot_wait_seconds=; or have the quota raised",
    ),
)


def in_words(error: RefusedError) -> RefusedError:
    """Return a refusal to begin a job with what it means, where that is known."""
    (problem,) = error.problems
    for code, pattern, what, mend in _TABLE:
        if error.code == code and re.search(pattern, problem.what):
            said = problem.what.removeprefix("the service refused: ")
            return RefusedError(error.code, Problem(f"{what}: {said}", problem.where, mend))
    return error
