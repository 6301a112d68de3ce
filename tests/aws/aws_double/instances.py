"""The instances of EC2: launched once per token, run as machines, and ended with a reason."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from botocore.serialize import create_serializer

from aws_double.http import Request
from aws_double.machine import Machine, World
from aws_double.models import Call, service_model
from aws_double.moto_services import MotoServices
from aws_double.refusal import Answer, Refusal

_TAG = "{http://ec2.amazonaws.com/doc/2016-11-15/}"
_MOST_USER_DATA = 16384
_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


class Instances:
    """Answers what EC2 is asked about instances and launch templates; moto keeps them.

    Args:
        moto: where they are kept.
        folder: for the machines.
        world: what machines find around them.
    """

    def __init__(self, moto: MotoServices, folder: Path, world: World) -> None:
        self.machines: list[Machine] = []
        self.no_capacity: list[str] = []
        """Codes with which the next launches are refused, one after another."""
        self.slow_to_show = 0
        """In how many listings a new instance is not shown yet."""
        self.lock = threading.RLock()
        """Held while anything changes, or is answered."""
        self._moto, self._folder, self._world = moto, folder, world
        self._templates: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, tuple[dict[str, Any], Answer, str]] = {}
        self._hidden: dict[str, int] = {}

    def create_launch_template(self, call: Call, region: str, request: Request) -> Answer:
        if call.params.get("DryRun"):
            raise _dry()
        data = call.params["LaunchTemplateData"]
        _check_user_data(data)
        token = f"template-{call.params.get('ClientToken')}"
        if token in self._tokens:
            return self._tokens[token][1]
        answer = self._moto.forward(request)
        if answer.status == 200:
            identity = self._moto.parsed(answer, call.operation)["LaunchTemplate"]["LaunchTemplateId"]
            self._templates[identity] = data
            self._tokens[token] = (call.params, answer, identity)
        return answer

    def delete_launch_template(self, call: Call, region: str, request: Request) -> Answer:
        answer = self._moto.forward(request)
        if answer.status == 200:
            del self._templates[self._moto.parsed(answer, call.operation)["LaunchTemplate"]["LaunchTemplateId"]]
        return answer

    def run_instances(self, call: Call, region: str, request: Request) -> Answer:
        params = call.params
        token = params.get("ClientToken", "")
        if token in self._tokens:
            before, answer, identity = self._tokens[token]
            if before != params:
                raise Refusal("IdempotentParameterMismatch", "Request parameters do not match")
            if self._state_of(region, identity) in ("shutting-down", "terminated"):
                raise Refusal("IdempotentInstanceTerminated", "The instance of this token was terminated")
            return answer
        whole = self._whole(params, region)
        if params.get("DryRun"):
            raise _dry()
        if self.no_capacity:
            code = self.no_capacity.pop(0)
            raise Refusal(code, f"EC2 says: {code}", 500 if code.startswith("Insufficient") else 400)
        user_data = _check_user_data(whole)
        answer = self._moto.forward(request, _written("RunInstances", whole))
        if answer.status != 200:
            return answer
        (instance,) = self._moto.parsed(answer, "RunInstances")["Instances"]
        identity = instance["InstanceId"]
        self._tokens[token] = (params, answer, identity)
        self._hidden[identity] = self.slow_to_show
        profile = whole.get("IamInstanceProfile", {})
        role = str(profile.get("Name") or profile.get("Arn", "").rpartition("/")[2])
        hops = whole.get("MetadataOptions", {}).get("HttpPutResponseHopLimit", 1)
        place = self._folder / identity
        machine = Machine(identity, place, user_data, self._world, role, region, hops, self._ended)
        self.machines.append(machine)
        return answer

    def describe_instances(self, call: Call, region: str, request: Request) -> Answer:
        answer = self._moto.forward(request)
        hidden = {identity for identity, times in self._hidden.items() if times > 0}
        for identity in hidden:
            self._hidden[identity] -= 1
        if not hidden or answer.status != 200:
            return answer
        root = ET.fromstring(answer.body)
        for reservations in root.iter(f"{_TAG}reservationSet"):
            for item in list(reservations):
                if any(row.text in hidden for row in item.iter(f"{_TAG}instanceId")):
                    reservations.remove(item)
        return Answer(200, ET.tostring(root), answer.headers)

    def terminate_instances(self, call: Call, region: str, request: Request) -> Answer:
        rows = ""
        by_id = {machine.identity: machine for machine in self.machines}
        for identity in call.params["InstanceIds"]:
            if identity not in by_id:
                raise Refusal("InvalidInstanceID.NotFound", f"The instance ID '{identity}' does not exist")
        for identity in call.params["InstanceIds"]:
            if self._state_of(region, identity) in ("pending", "running"):
                self.set_state(region, identity, "shutting-down")
                code = "Client.UserInitiatedShutdown"
                by_id[identity].terminate(code, f"{code}: User initiated shutdown")
            rows += f"<item><instanceId>{identity}</instanceId></item>"
        return _xml("TerminateInstances", f"<instancesSet>{rows}</instancesSet>")

    def create_tags(self, call: Call, region: str, request: Request) -> Answer:
        answer = self._moto.forward(request)
        templates = self._moto.ec2(region).launch_templates
        for identity in call.params["Resources"]:
            if identity in templates:  # moto shows a template's tags as they were at first
                templates[identity].tags = templates[identity].get_tags()
        return answer

    def get_console_output(self, call: Call, region: str, request: Request) -> Answer:
        found = [machine for machine in self.machines if machine.identity == call.params["InstanceId"]]
        if not found:
            raise Refusal("InvalidInstanceID.NotFound", "The instance ID does not exist")
        text = f"[    0.000000] Linux version 6.1\n{found[0].console}"[-65536:]
        return _xml("GetConsoleOutput", f"<output>{base64.b64encode(text.encode()).decode()}</output>")

    def set_state(self, region: str, identity: str, state: str, code: str = "", message: str = "") -> None:
        """Change the state of an instance, and the reason for it."""
        from moto.ec2.models.instances import StateReason

        with self.lock:
            instance = self._moto.ec2(region).get_instance(identity)
            if state == "terminated":
                instance.terminate()
            instance._state.name, instance._state.code = state, _CODES[state]
            if code:
                instance.state_reason = StateReason(message, code)

    def _ended(self, machine: Machine, code: str, message: str) -> None:
        self.set_state(machine.region, machine.identity, "terminated", code, message)

    def _state_of(self, region: str, identity: str) -> str:
        return str(self._moto.ec2(region).get_instance(identity)._state.name)

    def _whole(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        """Return the parameters of a launch with what its template holds, and with its image found."""
        template = params.get("LaunchTemplate")
        data: dict[str, Any] = {}
        if template:
            if template.get("LaunchTemplateId") not in self._templates:
                raise Refusal("InvalidLaunchTemplateId.NotFound", "The launch template does not exist")
            data = self._templates[template["LaunchTemplateId"]]
        own = {key: value for key, value in params.items() if key not in ("LaunchTemplate", "DryRun", "ClientToken")}
        whole = {**data, **own}
        tags = {row["ResourceType"]: row for row in data.get("TagSpecifications", ())}
        tags |= {row["ResourceType"]: row for row in own.get("TagSpecifications", ())}
        tags.pop("spot-instances-request", None)  # moto knows no such
        tags.pop("network-interface", None)
        whole["TagSpecifications"] = list(tags.values())
        image = str(whole.get("ImageId", ""))
        if image.startswith("resolve:ssm:"):
            try:
                whole["ImageId"] = self._moto.parameter(region, image.removeprefix("resolve:ssm:"))
            except KeyError:
                raise Refusal("InvalidParameterValue", f"the parameter of {image} cannot be resolved") from None
        options = whole.get("MetadataOptions", {})
        if options.get("HttpTokens") != "required":
            raise Refusal("UnauthorizedOperation", "a policy of the account demands IMDSv2", 403)
        if not all(row["Ebs"].get("Encrypted") for row in whole.get("BlockDeviceMappings", ())):
            raise Refusal("UnauthorizedOperation", "a policy of the account demands encrypted volumes", 403)
        return whole


def _check_user_data(data: dict[str, Any]) -> str:
    text = base64.b64decode(data.get("UserData", "")).decode()
    if len(text.encode()) > _MOST_USER_DATA:
        raise Refusal("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
    return text


def _written(operation: str, params: dict[str, Any]) -> bytes:
    model = service_model("ec2")
    body = create_serializer("ec2").serialize_to_request(params, model.operation_model(operation))["body"]
    return urlencode(body).encode()


def _dry() -> Refusal:
    return Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def _xml(operation: str, content: str) -> Answer:
    place = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
    text = f"<{operation}Response {place}><requestId>double</requestId>{content}</{operation}Response>"
    return Answer(200, text.encode(), {"Content-Type": "text/xml"})
