"""What must be so before an instance can be launched: credentials, permissions, and all that the fields name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from zenml.errors import Problem, closest
from zenml_aws.api_trouble import RefusedError
from zenml_aws.ec2.launch import PARAMETERS, machine_body, tag_rows
from zenml_aws.ec2.machine import architecture, image_parameter
from zenml_aws.ec2.quota import quota_problems
from zenml_aws.ec2.registry import EcrImage, image_problems
from zenml_aws.session import Service, regions_of

if TYPE_CHECKING:
    from zenml_aws.ec2.backend import OrchestratorAWSBackend

Body = dict[str, Any]
Connect = Callable[..., Service]

_NEAR = 5


def find_problems(backend: OrchestratorAWSBackend, connect: Connect) -> list[Problem]:
    """Return all that would keep an instance from being launched, or its container from starting.

    Whoever may not look at something is told when it is used.

    Args:
        backend: the fields.
        connect: returns a service by its name; in another region where one is given.
    """
    unknown = _region(backend.region_name)
    if unknown:
        return [unknown]
    try:
        connect("sts").call("GetCallerIdentity")
    except RefusedError as error:
        return list(error.problems)  # no other call would do better
    ec2 = connect("ec2")
    checks = (
        lambda: _instance_type(backend, ec2),
        lambda: _network(backend, ec2),
        lambda: _key_pair(backend, ec2),
        lambda: _machine_image(backend, ec2, connect),
        lambda: _instance_profile(backend, connect),
        lambda: _container_image(backend, connect),
        lambda: quota_problems(backend, ec2, connect),
    )
    problems = [problem for check in checks for problem in _allowed(check)]
    return [*problems, *_permissions(backend, ec2, connect, found=bool(problems))]


def _allowed(check: Callable[[], Iterable[Problem]]) -> Iterator[Problem]:
    """Give what a check finds; nothing where one may not look."""
    try:
        yield from check()
    except RefusedError as error:
        if not error.denied:
            yield from error.problems


def _region(region: str) -> Problem | None:
    known = regions_of("ec2")
    if region in known:
        return None
    near = ", ".join(difflib.get_close_matches(region, known, n=_NEAR))
    return Problem(f"there is no region {region}", "region", f"Near it: {near}" if near else "")


def _instance_type(backend: OrchestratorAWSBackend, ec2: Service) -> Iterator[Problem]:
    name = backend.instance_type
    try:
        (found,) = ec2.call("DescribeInstanceTypes", InstanceTypes=[name])["InstanceTypes"]
    except RefusedError as error:
        if error.code != "InvalidInstanceType":
            raise
        offered = [row["InstanceType"] for row in ec2.all("DescribeInstanceTypeOfferings", "InstanceTypeOfferings")]
        family = [each for each in offered if each.partition(".")[0] == name.partition(".")[0]]
        near = difflib.get_close_matches(name, family or offered, n=_NEAR, cutoff=0.3)
        mend = f"Near it: {', '.join(near)}" if near else ""
        yield Problem(f"there is no instance type {name} in {ec2.region}", "instance_type", mend)
        return
    known = found["ProcessorInfo"]["SupportedArchitectures"]
    if architecture(name) not in known:
        yield Problem(f"{name} has the architecture {' or '.join(known)}, which is not supported", "instance_type")
    if backend.spot and "spot" not in found["SupportedUsageClasses"]:
        yield Problem(f"{name} is not offered as spot", "spot", "Leave spot out, or choose another instance_type")


def _network(backend: OrchestratorAWSBackend, ec2: Service) -> Iterator[Problem]:
    vpc = None
    if backend.subnet_id:
        (subnet,) = _by_ids(ec2, "DescribeSubnets", "Subnets", "subnet-id", [backend.subnet_id]) or (None,)
        if subnet is None:
            named = [row["SubnetId"] for row in ec2.all("DescribeSubnets", "Subnets")]
            yield Problem(f"there is no subnet {backend.subnet_id} in {ec2.region}", "subnet_id", _there(named))
        else:
            vpc = subnet["VpcId"]
            yield from _offered(backend, ec2, subnet["AvailabilityZone"])
    else:
        default = list(ec2.all("DescribeVpcs", "Vpcs", Filters=[{"Name": "is-default", "Values": ["true"]}]))
        vpc = default[0]["VpcId"] if default else None
        if not default:
            yield Problem(f"there is no default VPC in {ec2.region}", "subnet_id", "Name a subnet")
    if backend.security_group_ids:
        wanted = backend.security_group_ids
        groups = {
            row["GroupId"]: row for row in _by_ids(ec2, "DescribeSecurityGroups", "SecurityGroups", "group-id", wanted)
        }
        for name in wanted:
            if name not in groups:
                yield Problem(f"there is no security group {name} in {ec2.region}", "security_group_ids")
            elif vpc and groups[name]["VpcId"] != vpc:
                what = f"the security group {name} is in {groups[name]['VpcId']}, and the instance would be in {vpc}"
                yield Problem(what, "security_group_ids", "Name one of the subnet's VPC")


def _offered(backend: OrchestratorAWSBackend, ec2: Service, zone: str) -> Iterator[Problem]:
    wanted = [{"Name": "instance-type", "Values": [backend.instance_type]}]
    offers = ec2.all(
        "DescribeInstanceTypeOfferings", "InstanceTypeOfferings", LocationType="availability-zone", Filters=wanted
    )
    zones = sorted(row["Location"] for row in offers)
    if zones and zone not in zones:
        what = f"{backend.instance_type} is not offered in {zone}, where the subnet is"
        yield Problem(what, "subnet_id", f"It is offered in {', '.join(zones)}")


def _key_pair(backend: OrchestratorAWSBackend, ec2: Service) -> Iterator[Problem]:
    if backend.key_name is None:
        return
    names = [row["KeyName"] for row in ec2.call("DescribeKeyPairs")["KeyPairs"]]
    if backend.key_name not in names:
        what = f"there is no key pair {backend.key_name} in {ec2.region}"
        yield Problem(what, "key_name", closest(backend.key_name, names) or _there(names))


def _machine_image(backend: OrchestratorAWSBackend, ec2: Service, connect: Connect) -> Iterator[Problem]:
    name = backend.ami
    if name is None:
        parameter = image_parameter(backend.instance_type)
        if parameter is None:
            return  # `check` tells of it
        try:
            name = connect("ssm").call("GetParameter", Name=parameter)["Parameter"]["Value"]
        except RefusedError as error:
            if error.code != "ParameterNotFound":
                raise
            yield Problem(f"{ec2.region} has no parameter {parameter}", "ami", "Name an image: ami=…")
            return
    found = next(iter(_by_ids(ec2, "DescribeImages", "Images", "image-id", [str(name)])), None)
    if found is None:
        if backend.ami:
            yield Problem(f"there is no image {name} in {ec2.region}", "ami", "An image belongs to one region")
        return
    fits = architecture(backend.instance_type)
    if found["Architecture"] != fits:
        what = f"the image {name} is for {found['Architecture']}, and {backend.instance_type} for {fits}"
        yield Problem(what, "ami")
    if found.get("RootDeviceName") not in (None, backend.root_device):
        what = f"the root device of the image {name} is {found['RootDeviceName']}, not {backend.root_device}"
        yield Problem(what, "root_device", f"root_device={found['RootDeviceName']!r}")


def _instance_profile(backend: OrchestratorAWSBackend, connect: Connect) -> Iterator[Problem]:
    name = (backend.iam_instance_profile or "").rpartition("/")[2]
    if not name:
        return
    try:
        found = connect("iam").call("GetInstanceProfile", InstanceProfileName=name)["InstanceProfile"]
    except RefusedError as error:
        if error.code != "NoSuchEntity":
            raise
        mend = "Make it: aws iam create-instance-profile; a role alone is none"
        yield Problem(f"there is no instance profile {name}", "iam_instance_profile", mend)
        return
    if not found["Roles"]:
        mend = f"Add one: aws iam add-role-to-instance-profile --instance-profile-name {name} --role-name …"
        yield Problem(f"the instance profile {name} has no role", "iam_instance_profile", mend)


def _container_image(backend: OrchestratorAWSBackend, connect: Connect) -> Iterator[Problem]:
    image = EcrImage.parse(backend.image)
    if image is not None:
        yield from image_problems(image, connect("ecr", image.region), "image")


def _permissions(backend: OrchestratorAWSBackend, ec2: Service, connect: Connect, *, found: bool) -> Iterator[Problem]:
    """Try what a run needs, without effect: EC2 tells whether it would be allowed."""
    tags = {"zenml-run": "check"}
    data = machine_body(backend, tags)
    interfaces = {"spot-instances-request"} if backend.spot else set()
    rows = [row for row in data["TagSpecifications"] if row["ResourceType"] not in interfaces]
    dry: list[tuple[str, Body]] = [
        ("RunInstances", {**data, "TagSpecifications": rows, "MinCount": 1, "MaxCount": 1}),
        ("CreateLaunchTemplate", {"LaunchTemplateName": "zenml-check", "LaunchTemplateData": data}),
    ]
    for operation, body in dry:
        try:
            ec2.call(operation, DryRun=True, **body)
        except RefusedError as error:
            if error.denied:
                yield _decoded(error, connect)
            elif error.code != "DryRunOperation" and not found and operation == "RunInstances":
                yield from error.problems
    looks: list[Callable[[], Any]] = [
        lambda: ec2.call("DescribeInstances", MaxResults=5),
        lambda: ec2.call("DescribeLaunchTemplates", MaxResults=1),
        lambda: connect("ssm").call(
            "DescribeParameters", ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": [PARAMETERS]}]
        ),
    ]
    for look in looks:
        try:
            look()
        except RefusedError as error:
            yield from error.problems
    try:  # a value that its own pattern forbids is written by nobody, and told after a missing permission
        connect("ssm").call("PutParameter", **_forbidden(backend))
    except RefusedError as error:
        if error.denied:
            yield from error.problems


def _forbidden(backend: OrchestratorAWSBackend) -> Body:
    """Return `PutParameter` for a value that is not allowed."""
    body: Body = {
        "Name": f"{PARAMETERS}/check",
        "Value": "check",
        "Type": "SecureString",
        "AllowedPattern": "^$",
        "Tags": tag_rows({"zenml-run": "check"}),
    }
    return body | ({"KeyId": backend.kms_key_id} if backend.kms_key_id else {})


def _decoded(error: RefusedError, connect: Connect) -> Problem:
    """Return a refusal in words; EC2 writes some in a code that takes a permission to read."""
    import json

    (problem,) = error.problems
    coded = problem.what.rpartition("Encoded authorization failure message: ")[2].split(" ")[0]
    if coded == problem.what.split(" ")[0]:
        return problem
    try:
        answer = connect("sts").call("DecodeAuthorizationMessage", EncodedMessage=coded)
        context = json.loads(answer["DecodedMessage"])["context"]
    except (RefusedError, ValueError, KeyError):
        mend = "Ask for a policy that allows it; who may: aws sts decode-authorization-message"
        return Problem(problem.what.partition(" Encoded")[0], problem.where, mend)
    return Problem(f"you may not {context['action']} on {context['resource']}", problem.where, problem.mend)


def _by_ids(ec2: Service, operation: str, key: str, name: str, values: list[str]) -> list[Body]:
    """Return what there is of some ids; unlike by ids alone, missing ones are no error."""
    return list(ec2.all(operation, key, Filters=[{"Name": name, "Values": values}]))


def _there(names: list[str]) -> str:
    return f"There: {', '.join(sorted(names)[:_NEAR])}{' …' if len(names) > _NEAR else ''}" if names else ""
