"""AwsDouble: EC2, SSM, STS, IAM and ECR on the loopback, kept by moto, validated by botocore, and really run."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aws_double.faults import Fault
from aws_double.http import Request, address, serve
from aws_double.instances import Instances
from aws_double.machine import Machine, World
from aws_double.models import Call, Unreadable, problems, read
from aws_double.moto_services import MotoServices
from aws_double.refusal import Answer, Refusal, decoded, of_fault
from zenml.testing.late_answers import HEADER

_SERVICES = {"servicequotas": "service-quotas"}
"""Services by the name that their requests are signed for, where it is another."""

_Found = TypeVar("_Found")
_PATIENCE = 300.0


class AwsDouble:
    """The services.

    Args:
        folder: for the machines.
    """

    def __init__(self, folder: Path) -> None:
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, Call]] = []
        """The access key and the content of every call that was understood."""
        self.denied: set[str] = set()
        """Operations that nobody may call."""
        self.expired = False
        """Whether the credentials have expired."""
        self.vcpus = 64.0
        """The quota of vCPUs of every kind."""
        self.coded_refusals: tuple[str, str] | None = None
        """An action and what it is on, for lack of which launches are refused, in a code."""
        self.foreign_buckets: set[str] = set()
        """Buckets of another account."""
        self._counting = threading.Lock()
        self._closing = threading.Event()
        self._moto = MotoServices()
        self._server = serve(self._respond)
        self.world = World(self.address)
        self.instances = Instances(self._moto, folder, self.world)

    def __enter__(self) -> AwsDouble:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for machine in self.machines:
            machine.cut("Client.UserInitiatedShutdown", "the test is over")
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where the services are."""
        return address(self._server)

    @property
    def machines(self) -> list[Machine]:
        """All machines that were launched, oldest first."""
        return self.instances.machines

    def running_machine(self) -> Machine:
        """Wait for the one machine that runs a container, and return it."""

        def find() -> Machine | None:
            found = [each for each in self.machines if not each.over.is_set() and (each.container / "pid").exists()]
            return found[0] if found else None

        return self.wait_for(find)

    def wait_for(self, find: Callable[[], _Found | None]) -> _Found:
        """Wait until something is there or so, and return it."""
        until = time.monotonic() + _PATIENCE
        while not (found := find()):
            if time.monotonic() > until:
                raise TimeoutError("\n".join(machine.console for machine in self.machines))
            time.sleep(0.02)
        return found

    def add_instance_profile(self, name: str, *, role: bool = True) -> None:
        """Make an instance profile, by default with a role of its name."""
        self._moto.add_instance_profile(name, role=role)

    def add_repository(self, region: str, name: str) -> None:
        """Make a repository of images, empty."""
        self._moto.add_repository(region, name)

    def image_of(self, region: str, architecture: str) -> str:
        """Return the id of a machine image for an architecture."""
        return self._moto.parameter(
            region, f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
        )

    def subnet(self, region: str) -> str:
        """Return the id of a subnet of the default VPC."""
        return self._moto.subnet(region)

    def left(self, region: str) -> list[str]:
        """Return the launch templates, parameters and instances that are there."""
        return self._moto.left(region)

    def operations(self) -> list[str]:
        """Return the operations that were called, oldest first."""
        return [call.operation for _, call in self.calls]

    def _respond(self, request: Request) -> Answer | None:
        key, region, scope = request.scope
        service = _SERVICES.get(scope, scope)
        if not service:
            return Answer(403, b"", {})
        if service == "s3":  # buckets are looked at only
            foreign = request.path.strip("/").partition("/")[0] in self.foreign_buckets
            return Answer(403, b"", {}) if foreign else self._moto.forward(request)
        try:
            call = self._read(service, request)
            with self._counting:
                struck = [fault for fault in self.faults if fault.strikes(call.operation)]
                self.calls.append((key, call))
            fault = struck[0].how if struck else ""
            if fault == "time-out":
                self._closing.wait()
            if fault in ("cut-before", "time-out"):
                return None
            if fault and fault not in ("cut-after", "late"):
                raise of_fault(fault, service, call.operation)
            self._admit(call)
            with self.instances.lock:
                answer = self._answer(call, region, request)
            if fault == "late":
                return Answer(200, b"", {HEADER: "yes"})
            return None if fault == "cut-after" else answer
        except Refusal as refusal:
            return refusal.answer(service)

    def _read(self, service: str, request: Request) -> Call:
        try:
            call = read(service, request.method, request.path, request.query, request.headers, request.body)
        except Unreadable as error:
            raise Refusal("ValidationError", str(error)) from None
        found = problems(service, call.operation, call.params)
        if call.operation == "DescribeInstanceTypes":  # there are newer types than a model knows
            found = [text for text in found if "InstanceTypes[" not in text]
        if found:
            raise Refusal("ValidationError", "; ".join(found))
        return call

    def _admit(self, call: Call) -> None:
        if self.expired:
            code = "RequestExpired" if call.service == "ec2" else "ExpiredTokenException"
            raise Refusal(code, "The security token included in the request is expired", 400)
        if call.operation in self.denied:
            raise of_fault("denied", call.service, call.operation)
        if self.coded_refusals and call.operation == "RunInstances":
            text = "You are not authorized to perform this operation. Encoded authorization failure message: c0ded"
            raise Refusal("UnauthorizedOperation", text, 403)

    def _answer(self, call: Call, region: str, request: Request) -> Answer:
        if call.service == "service-quotas":
            quota = {"QuotaCode": call.params["QuotaCode"], "QuotaName": "Running instances", "Value": self.vcpus}
            return Answer(200, json.dumps({"Quota": quota}).encode(), {"Content-Type": "application/x-amz-json-1.1"})
        if call.operation == "DecodeAuthorizationMessage" and self.coded_refusals:
            action, resource = self.coded_refusals
            message = json.dumps({"allowed": False, "context": {"action": action, "resource": resource}})
            return decoded(message)
        pattern = call.params.get("AllowedPattern") if call.operation == "PutParameter" else None
        if pattern is not None and not re.fullmatch(pattern, call.params["Value"]):
            raise Refusal(
                "ParameterPatternMismatchException", f"Parameter value, cannot be validated against {pattern}"
            )
        own = getattr(self.instances, _snake(call.operation), None) if call.service == "ec2" else None
        if own:
            found: Answer = own(call, region, request)
            return found
        return self._moto.forward(request)


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
