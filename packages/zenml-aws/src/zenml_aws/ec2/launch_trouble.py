"""What EC2's refusals to launch an instance mean, and what to do about them."""

from __future__ import annotations

from zenml.errors import Problem
from zenml_aws.api_trouble import RefusedError

_ELSEWHERE = "Try another instance_type=, another zone (subnet_id=…), or later"
_CAPACITY = {
    "InsufficientInstanceCapacity": ("EC2 has no capacity for this instance type in this zone", _ELSEWHERE),
    "InsufficientHostCapacity": ("EC2 has no capacity for this instance type in this zone", _ELSEWHERE),
    "SpotMaxPriceTooLow": (
        "the spot price is above spot_max_price",
        "Raise spot_max_price, or leave it out: the price on demand is then the bound",
    ),
    "MaxSpotInstanceCountExceeded": (
        "the quota of spot instances is used up",
        "End other spot instances, leave spot out, or have the quota raised",
    ),
    "VcpuLimitExceeded": (
        "the quota of vCPUs is used up",
        "Choose a smaller instance_type, end other instances, or have the quota raised",
    ),
    "InstanceLimitExceeded": ("the quota of instances is used up", "End other instances, or have the quota raised"),
}
"""Refusals that pass."""

_OTHER = {
    "Unsupported": ("EC2 does not offer this", "Try another instance_type= or another zone (subnet_id=…)"),
    "InvalidAMIID.NotFound": ("the machine image is not in this region", "Name another one: ami=…"),
    "InvalidBlockDeviceMapping": ("the volume does not fit the machine image", "Raise disk_size_gb"),
    "OptInRequired": ("the machine image wants its terms to be accepted", "Accept them in the AWS Marketplace"),
    "PendingVerification": ("AWS still verifies the account for this region", "Run again later"),
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted": (
        "the account lacks the role for spot instances",
        "Let an administrator run: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
    ),
    "InsufficientFreeAddressesInSubnet": ("the subnet has no free address", "Name another one: subnet_id=…"),
}


def waits_for_capacity(error: RefusedError) -> bool:
    """Tell whether a launch that was refused may succeed later."""
    return error.code in _CAPACITY


def in_words(error: RefusedError) -> RefusedError:
    """Return a refusal to launch with what it means, where that is known."""
    found = _CAPACITY.get(error.code) or _OTHER.get(error.code)
    if found is None:
        return error
    (problem,) = error.problems
    said = problem.what.removeprefix("the service refused: ")
    return RefusedError(error.code, Problem(f"{found[0]}: {said}", problem.where, found[1]))
