"""SagemakerDouble: SageMaker on the loopback, with what a client asks of IAM, STS, ECR and CloudWatch Logs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from xml.sax.saxutils import escape

import pytest
from aws_double import Fault, models
from aws_double.http import Request, address, serve
from aws_double.moto_services import ACCOUNT, MotoServices
from aws_double.refusal import Answer, Refusal, of_fault

from sagemaker_double.logs import Logs
from sagemaker_double.training import Training
from zenml.testing.late_answers import HEADER

REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/zenml-sagemaker"
USER = f"arn:aws:iam::{ACCOUNT}:user/tester"

_SERVICES = ("sagemaker", "logs", "iam", "sts", "ecr")
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_EMPTY = b""
_PATIENCE = 300.0
_Found = TypeVar("_Found")


class SagemakerDouble:
    """Serves until the context ends; the jobs that are at work end then, too.

    Args:
        folder: for the instances.
        s3: address of the S3 that they share with the client; nothing else is shared.
    """

    def __init__(self, folder: Path, s3: str) -> None:
        self._folder, self._s3 = folder, s3
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._set_up()
        self._server = serve(self._respond)

    def _set_up(self) -> None:
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """The operations and parameters of every call that was understood."""
        self.keys = {"test"}
        self.expired = False
        self.denied: set[str] = set()
        """Actions, as `sagemaker:CreateTrainingJob`, that the client may not do."""
        self.caller = USER
        role = {
            "AWS_ACCESS_KEY_ID": "role",
            "AWS_SECRET_ACCESS_KEY": "role",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_S3": self._s3,
        }
        prefix = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
        self.training = Training(self._folder, prefix, self._role_problem, role)
        self._logs = Logs(self.training)
        self._moto = MotoServices()
        self.add_role(ROLE, _TRUST)

    def begin_anew(self) -> None:
        """End all jobs, and forget all that was done; the address stays, so that clients of it can be used again."""
        self.training.end()
        with self._lock:
            self._set_up()

    def __enter__(self) -> SagemakerDouble:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self.training.end()
        self._server.shutdown()
        self._server.server_close()

    def lead_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this machine's calls of these services come here."""
        for service in _SERVICES:
            name = models.service_model(service).service_id.hyphenize().replace("-", "_").upper()
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", address(self._server))

    def add_role(self, arn: str, trust: dict[str, Any]) -> None:
        """Make a role."""
        from moto.iam.models import iam_backends

        path, _, name = arn.partition(":role")[2].rpartition("/")
        iam_backends[ACCOUNT]["global"].create_role(name, json.dumps(trust), f"{path}/", None, "", [], "3600")

    def add_repository(self, name: str) -> None:
        """Make a repository of images, empty."""
        self._moto.add_repository(REGION, name)

    def count(self, operation: str) -> int:
        """Return how often a call was made."""
        return sum(name == operation for name, _ in self.calls)

    def wait_for(self, find: Callable[[], _Found | None]) -> _Found:
        """Wait until something is there or so, and return it."""
        until = time.monotonic() + _PATIENCE
        while not (found := find()):
            if time.monotonic() > until:
                logs = [each.log.read_text() for job in self.training.jobs.values() for each in job.instances]
                raise TimeoutError("\n".join(logs))
            time.sleep(0.02)
        return found

    def _respond(self, request: Request) -> Answer | None:
        key, _, service = request.scope
        if service not in _SERVICES:
            return Answer(403, _EMPTY, {})
        fault = ""
        try:
            try:
                call = models.read(service, request.method, request.path, request.query, request.headers, request.body)
            except models.Unreadable as error:
                raise Refusal("ValidationException", str(error)) from None
            with self._lock:
                self.calls.append((call.operation, call.params))
                struck = [fault for fault in self.faults if fault.strikes(call.operation)]
            fault = struck[0].how if struck else ""
            if fault == "time-out":
                self._closing.wait()
            if fault in ("cut-before", "time-out"):
                return None
            if fault and fault not in ("cut-after", "late"):
                raise of_fault(fault, service, call.operation)
            self._admit(key, call)
            with self._lock:
                answer = self._answer(call, request)
            if fault == "late":
                answer.headers[HEADER] = "yes"
            return None if fault == "cut-after" else answer
        except Refusal as refusal:
            return None if fault == "cut-after" else refusal.answer(service)

    def _admit(self, key: str, call: models.Call) -> None:
        query = call.service in ("iam", "sts")
        if key not in self.keys:
            code = "InvalidClientTokenId" if query else "UnrecognizedClientException"
            raise Refusal(code, "The security token included in the request is invalid.", 403)
        if self.expired:
            code = "ExpiredToken" if query else "ExpiredTokenException"
            raise Refusal(code, "The security token included in the request is expired", 403)
        action = f"{call.service}:{call.operation}"
        if action in self.denied:
            raise self._denial(action, "*", "AccessDenied" if query else "AccessDeniedException")
        passed = call.params.get("RoleArn") if call.operation == "CreateTrainingJob" else None
        if passed and "iam:PassRole" in self.denied:
            raise self._denial("iam:PassRole", passed, "AccessDeniedException")
        found = models.problems(call.service, call.operation, call.params)
        if found:
            text = "; ".join(found)
            raise Refusal("ValidationException", f"{len(found)} validation errors detected: {text}")

    def _denial(self, action: str, resource: str, code: str) -> Refusal:
        text = f"User: {self.caller} is not authorized to perform: {action} on resource: {resource} because no "
        return Refusal(code, f"{text}identity-based policy allows the {action} action", 400)

    def _answer(self, call: models.Call, request: Request) -> Answer:
        if call.operation == "GetCallerIdentity":
            told = f"<Arn>{self.caller}</Arn><UserId>AIDA1</UserId><Account>{ACCOUNT}</Account>"
            return _xml(call.operation, told)
        if call.operation == "SimulatePrincipalPolicy":
            return _xml(call.operation, f"<EvaluationResults>{self._simulated(call.params)}</EvaluationResults>")
        if call.service not in ("sagemaker", "logs"):
            return self._moto.forward(request)
        service = self.training if call.service == "sagemaker" else self._logs
        given = service.answer(call.operation, call.params)
        shape = models.service_model(call.service).operation_model(call.operation).output_shape
        wrong = models.shape_problems(call.service, shape.name, given) if shape else []
        assert not wrong, f"the double answers what {call.service} never would: {wrong}"
        return Answer(200, json.dumps(given).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    def _simulated(self, params: dict[str, Any]) -> str:
        rows = ""
        for action in params["ActionNames"]:
            decision = "implicitDeny" if action in self.denied else "allowed"
            resource = escape(params.get("ResourceArns", ["*"])[0])
            told = f"<EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName>"
            rows += f"<member>{told}<EvalDecision>{decision}</EvalDecision></member>"
        return rows

    def _role_problem(self, arn: str) -> str:
        from moto.iam.models import iam_backends

        for role in iam_backends[ACCOUNT]["global"].roles.values():
            if role.arn == arn and "sagemaker.amazonaws.com" in role.assume_role_policy_document:
                return ""
        return (
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )


def _xml(operation: str, result: str) -> Answer:
    text = f"<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
    return Answer(200, text.encode(), {"Content-Type": "text/xml"})
