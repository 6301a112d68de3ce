"""What must be so before a training job is submitted: credentials, permissions, and all that the fields name."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from zenml.errors import Problem, ZenMLError
from zenml_aws.api_trouble import RefusedError
from zenml_aws.ec2.registry import EcrImage, image_problems
from zenml_aws.session import Service
from zenml_aws.staging_bucket import staging_problems

if TYPE_CHECKING:
    from zenml_aws.sagemaker.backend import TrainingSagemakerBackend

Connect = Callable[..., Service]

PRINCIPAL = "sagemaker.amazonaws.com"
"""Who assumes the role of a job."""

_ACTIONS = (
    "sagemaker:CreateTrainingJob",
    "sagemaker:AddTags",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:StopTrainingJob",
    "sagemaker:ListTrainingJobs",
)
_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")
_SHOWN = 8


def find_problems(backend: TrainingSagemakerBackend, connect: Connect) -> list[Problem]:
    """Return all that would keep a job from being submitted, or from starting; nothing is made.

    Whoever may not look at something is told when it is used.

    Args:
        backend: the fields.
        connect: returns a service by its name; in another region where one is given.
    """
    try:
        caller = str(connect("sts").call("GetCallerIdentity")["Arn"])
    except RefusedError as error:
        return list(error.problems)  # no other call would do better
    name = type(backend).__name__
    checks: tuple[Callable[[], Iterator[Problem]], ...] = (
        lambda: _region(connect("sagemaker"), name),
        lambda: _instance_type(backend, connect("sagemaker"), name),
        lambda: _role(backend, connect("iam"), name),
        lambda: _permissions(backend, connect("iam"), caller),
        lambda: _staging(backend, connect("s3"), name),
        lambda: _image(backend, connect, name),
        lambda: _looks(connect("sagemaker")),
    )
    found: list[Problem] = []
    for check in checks:
        try:
            found += check()
        except RefusedError as error:
            if error.signed_out:
                return list(error.problems)
            found += () if error.denied else error.problems
        except ZenMLError as error:
            found += error.problems
    return list(dict.fromkeys(found))


def _region(sagemaker: Service, name: str) -> Iterator[Problem]:
    from botocore.session import Session

    session = Session()
    known = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sagemaker", partition)
    ]
    if sagemaker.region not in known:
        what = f"SageMaker is in no region {sagemaker.region}"
        yield Problem(what, f"{name}.region", _near(sagemaker.region, known))


def _instance_type(backend: TrainingSagemakerBackend, sagemaker: Service, name: str) -> Iterator[Problem]:
    wanted, known = backend.instance_type, sagemaker.choices("TrainingInstanceType")
    if wanted not in known:
        yield Problem(
            f"SageMaker has no instance type {wanted} for training", f"{name}.instance_type", _near(wanted, known)
        )


def _role(backend: TrainingSagemakerBackend, iam: Service, name: str) -> Iterator[Problem]:
    role = backend.role.rpartition("/")[2]
    try:
        found = iam.call("GetRole", RoleName=role)["Role"]
    except RefusedError as error:
        if error.code != "NoSuchEntity":
            raise
        yield Problem(f"there is no role {backend.role}", f"{name}.role", "Make it, or name another one")
        return
    if found["Arn"] != backend.role:
        yield Problem(f"there is no role {backend.role}", f"{name}.role", f"There is {found['Arn']}")
    elif not _trusts(found["AssumeRolePolicyDocument"]):
        mend = f"Let its trust policy allow {PRINCIPAL} the action sts:AssumeRole"
        yield Problem(f"SageMaker may not assume the role {backend.role}", f"{name}.role", mend)


def _trusts(policy: Any) -> bool:
    """Say whether a trust policy lets SageMaker assume the role."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    for row in _listed(document.get("Statement")):
        principals = row.get("Principal", {})
        named = ["*"] if principals == "*" else [*_listed(principals.get("Service")), *_listed(principals.get("AWS"))]
        actions = {action.lower() for action in _listed(row.get("Action"))}
        allows = row.get("Effect") == "Allow" and bool({"*", "sts:*", "sts:assumerole"} & actions)
        if allows and {"*", PRINCIPAL} & {*named}:
            return True
    return False


def _permissions(backend: TrainingSagemakerBackend, iam: Service, caller: str) -> Iterator[Problem]:
    """Ask IAM what it would say of a submission; none of these actions can be allowed by a resource's own policy."""
    session = _SESSION.fullmatch(caller)
    if session:  # which policies are those of the role
        caller = str(iam.call("GetRole", RoleName=session["role"])["Role"]["Arn"])
    if caller.endswith(":root"):
        return
    to = {"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string", "ContextKeyValues": [PRINCIPAL]}
    asked: tuple[dict[str, Any], ...] = (
        {"ActionNames": [*_ACTIONS]},
        {"ActionNames": ["iam:PassRole"], "ResourceArns": [backend.role], "ContextEntries": [to]},
    )
    for params in asked:
        answer = iam.call("SimulatePrincipalPolicy", PolicySourceArn=caller, **params)
        for row in answer["EvaluationResults"]:
            if row["EvalDecision"] != "allowed" and not row.get("MissingContextValues"):
                on = f" on {backend.role}" if row["EvalActionName"] == "iam:PassRole" else ""
                what = f"you ({caller}) may not {row['EvalActionName']}{on}"
                yield Problem(what, "IAM", "Ask for a policy that allows it")


def _staging(backend: TrainingSagemakerBackend, s3: Service, name: str) -> Iterator[Problem]:
    why = "a job of SageMaker in {region} writes to its own region only"
    return staging_problems(backend.staging, s3, f"{name}.job_dir", why)


def _image(backend: TrainingSagemakerBackend, connect: Connect, name: str) -> Iterator[Problem]:
    image = EcrImage.parse(backend.image)
    if image is not None:
        yield from image_problems(image, connect("ecr", image.region), f"{name}.image")


def _looks(sagemaker: Service) -> Iterator[Problem]:
    """Try what needs no job."""
    try:
        sagemaker.call("ListTrainingJobs", MaxResults=1)
    except RefusedError as error:
        yield from error.problems


def _near(name: str, known: list[str]) -> str:
    """Return the closest of the known names, those of the same family first."""
    family = name.rpartition(".")[0]
    same = [each for each in known if family and each.rpartition(".")[0] == family]
    near = dict.fromkeys([*same, *difflib.get_close_matches(name, known, n=_SHOWN, cutoff=0.3)])
    return f"There are: {', '.join([*near][:_SHOWN] or known[:_SHOWN])} …"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
