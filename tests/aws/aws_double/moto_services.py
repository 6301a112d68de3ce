"""What moto keeps: the state of the services, reached without a network."""

from __future__ import annotations

import warnings
from typing import Any

from aws_double.http import Request
from aws_double.models import service_model
from aws_double.refusal import Answer

ACCOUNT = "123456789012"


class MotoServices:
    """The services of moto, empty at first."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from moto.moto_api._internal.models import moto_api_backend
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

            moto_api_backend.reset()
        self._app = DomainDispatcherApplication(create_backend_app)

    def forward(self, request: Request, body: bytes | None = None) -> Answer:
        """Let moto answer a request, or another one of the same kind."""
        from werkzeug.test import Client

        body = request.body if body is None else body
        headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}
        url = f"{request.path}?{request.query}" if request.query else request.path
        answer = Client(self._app, use_cookies=False).open(url, method=request.method, headers=headers, data=body)
        kept = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
        return Answer(answer.status_code, answer.data, kept)

    def ec2(self, region: str) -> Any:
        """Return the state of EC2 in a region."""
        from moto.ec2.models import ec2_backends

        return ec2_backends[ACCOUNT][region]

    def parameter(self, region: str, name: str) -> str:
        """Return the value of a parameter of SSM.

        Raises:
            KeyError: there is none.
        """
        from moto.ssm.models import ssm_backends

        found = ssm_backends[ACCOUNT][region].get_parameter(name)
        if found is None:
            raise KeyError(name)
        return str(found.value)

    def add_instance_profile(self, name: str, *, role: bool) -> None:
        """Make an instance profile, with a role of its name or with none."""
        from moto.iam.models import iam_backends

        iam = iam_backends[ACCOUNT]["global"]
        iam.create_instance_profile(name=name, path="/", role_names=[], tags=[])
        if role:
            iam.create_role(name, "{}", "/", None, "", [], "3600")
            iam.add_role_to_instance_profile(name, name)

    def add_repository(self, region: str, name: str) -> None:
        """Make a repository of images, empty."""
        from moto.ecr.models import ecr_backends

        ecr_backends[ACCOUNT][region].create_repository(
            repository_name=name,
            registry_id=None,
            encryption_config={},
            image_scan_config=None,
            image_tag_mutability="MUTABLE",
            tags=[],
        )

    def subnet(self, region: str) -> str:
        """Return the id of a subnet of the default VPC."""
        return str(self.ec2(region).get_default_subnets()[f"{region}a"].id)

    def left(self, region: str) -> list[str]:
        """Return the launch templates, parameters and instances that are there."""
        from moto.ssm.models import ssm_backends

        ec2 = self.ec2(region)
        parameters = [name for name in ssm_backends[ACCOUNT][region]._parameters if name.startswith("/zenml")]
        instances = [each.id for each in ec2.all_instances() if each._state.name != "terminated"]
        return [*(each.name for each in ec2.launch_templates.values()), *parameters, *instances]

    def parsed(self, answer: Answer, operation: str) -> dict[str, Any]:
        """Return what an answer of EC2 says."""
        from botocore.parsers import create_parser

        shape = service_model("ec2").operation_model(operation).output_shape
        told = {"headers": answer.headers, "body": answer.body, "status_code": answer.status}
        found: dict[str, Any] = create_parser("ec2").parse(told, shape)
        return found
