"""Whether an instance fits into what the account's quota of vCPUs leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zenml.errors import Problem
from zenml_aws.api_trouble import RefusedError
from zenml_aws.ec2.machine import quota_code
from zenml_aws.session import Service

if TYPE_CHECKING:
    from zenml_aws.ec2.backend import OrchestratorAWSBackend


def quota_problems(backend: OrchestratorAWSBackend, ec2: Service, connect: Callable[..., Service]) -> Iterator[Problem]:
    """Tell where the quota is used up; nothing where it cannot be asked for."""
    code = quota_code(backend.instance_type, spot=backend.spot)
    try:
        quota = connect("service-quotas").call("GetServiceQuota", ServiceCode="ec2", QuotaCode=code)["Quota"]
        (found,) = ec2.call("DescribeInstanceTypes", InstanceTypes=[backend.instance_type])["InstanceTypes"]
    except RefusedError:
        return
    needed, most = found["VCpuInfo"]["DefaultVCpus"], quota["Value"]
    used = _used(ec2, code, spot=backend.spot)
    if used + needed > most:
        left = f"{max(most - used, 0):.0f} of the quota's {most:.0f}"
        what = f"{backend.instance_type} has {needed} vCPUs, and {left} are left"
        mend = "Choose a smaller instance_type, end other instances, or have the quota raised"
        yield Problem(what, f"quota {quota.get('QuotaName', code)} in {ec2.region}", mend)


def _used(ec2: Service, code: str, *, spot: bool) -> int:
    """Return how many vCPUs of running instances count against a quota."""
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    used = 0
    for reservation in ec2.all("DescribeInstances", "Reservations", Filters=running):
        for row in reservation["Instances"]:
            is_spot = row.get("InstanceLifecycle") == "spot"
            if is_spot == spot and quota_code(row["InstanceType"], spot=spot) == code:
                cpus = row.get("CpuOptions") or {}
                used += int(cpus.get("CoreCount", 0)) * int(cpus.get("ThreadsPerCore", 1))
    return used
