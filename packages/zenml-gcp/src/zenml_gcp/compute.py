"""Compute: calls of Compute Engine in one project; bodies are as in its REST API."""

from __future__ import annotations

import functools
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from zenml.errors import ConfigError
from zenml_gcp.google_api import SECONDS, Body, GoogleAPI
from zenml_gcp.google_trouble import RefusedError, UnreachableError
from zenml_gcp.vm.operation import operation_problem

_WHERE = "Compute Engine"
_LONGEST_OPERATION = 900.0
_PAUSE = 0.5


class Compute:
    """The machines of a project.

    Args:
        api: how to reach Google's services.
        project: whose machines.
    """

    def __init__(self, api: GoogleAPI, project: str) -> None:
        self.api, self.project = api, project

    def insert(self, zone: str, body: Mapping[str, Any]) -> bool:
        """Make a machine, and wait until it runs; return False where there is one of that name.

        Raises:
            ConfigError: there is no capacity for it, a quota is used up, and so on.
        """
        from google.cloud import compute_v1

        instance = compute_v1.Instance.from_json(json.dumps(dict(body)))
        client, request = self._client("Instances"), str(uuid.uuid4())  # the same one when it is tried again
        asked = compute_v1.InsertInstanceRequest(
            project=self.project, zone=zone, instance_resource=instance, request_id=request
        )
        try:
            operation = self._call(lambda **options: client.insert_unary(asked, **options))
        except RefusedError as error:
            if error.code != 409:
                raise
            return False
        self._finish(zone, operation, f"machine {body['name']}")
        return True

    def start(self, zone: str, name: str) -> None:
        """Start a machine that was stopped; no error where it runs, or is gone."""
        self._change("start", zone, name)

    def delete(self, zone: str, name: str, *, wait: bool) -> None:
        """Delete a machine, which is given time to end; no error where there is none."""
        self._change("delete", zone, name, wait=wait)

    def get(self, zone: str, name: str) -> Body | None:
        """Return a machine, or None."""
        client = self._client("Instances")
        return self._found(lambda **options: client.get(project=self.project, zone=zone, instance=name, **options))

    def instances(self, labels: str) -> list[Body]:
        """Return the machines in all zones whose labels fit a filter."""
        from google.cloud import compute_v1

        client = self._client("Instances")
        asked = compute_v1.AggregatedListInstancesRequest(project=self.project, filter=labels)

        def read(**options: Any) -> list[Body]:
            pages = client.aggregated_list(asked, **options)
            return [_body(instance) for _, scope in pages for instance in scope.instances]

        found: list[Body] = self._call(read)
        return found

    def operations(self, zone: str, name: str) -> list[Body]:
        """Return what was done to a machine, newest first, also when it is gone."""
        from google.cloud import compute_v1

        client = self._client("ZoneOperations")
        link = f"https://www.googleapis.com/compute/v1/projects/{self.project}/zones/{zone}/instances/{name}"
        asked = compute_v1.ListZoneOperationsRequest(project=self.project, zone=zone, filter=f'targetLink = "{link}"')
        rows = self._call(lambda **options: [_body(row) for row in client.list(asked, **options)])
        return sorted(rows, key=lambda row: str(row.get("insertTime", "")), reverse=True)

    def console(self, zone: str, name: str, start: int) -> tuple[str, int] | None:
        """Return what a machine printed to its console from a place on, and the place after it; None where it is gone.

        Args:
            zone: of the machine.
            name: of the machine.
            start: 0 for the first line that is kept.
        """
        from google.cloud import compute_v1

        client = self._client("Instances")
        asked = compute_v1.GetSerialPortOutputInstanceRequest(
            project=self.project, zone=zone, instance=name, port=1, start=start
        )
        found = self._found(lambda **options: client.get_serial_port_output(asked, **options))
        return None if found is None else (str(found.get("contents", "")), int(found.get("next", start)))

    def zones(self) -> dict[str, Body]:
        """Return the zones of the project by name."""
        client = self._client("Zones")
        rows = self._call(lambda **options: [_body(row) for row in client.list(project=self.project, **options)])
        return {str(row["name"]): row for row in rows}

    def region(self, name: str) -> Body:
        """Return a region, with what is used of its quotas."""
        client = self._client("Regions")
        return _body(self._call(lambda **options: client.get(project=self.project, region=name, **options)))

    def machine_type(self, zone: str, name: str) -> Body | None:
        """Return a type of machines in a zone, or None."""
        client = self._client("MachineTypes")
        return self._found(lambda **options: client.get(project=self.project, zone=zone, machine_type=name, **options))

    def machine_types(self, zone: str) -> list[str]:
        """Return the names of the types of machines in a zone."""
        client = self._client("MachineTypes")
        rows = self._call(lambda **options: list(client.list(project=self.project, zone=zone, **options)))
        return [row.name for row in rows]

    def accelerator_types(self, zone: str) -> dict[str, Body]:
        """Return the types of accelerators in a zone by name."""
        client = self._client("AcceleratorTypes")
        rows = self._call(
            lambda **options: [_body(row) for row in client.list(project=self.project, zone=zone, **options)]
        )
        return {str(row["name"]): row for row in rows}

    def has_network(self, name: str) -> bool:
        """Tell whether the project has a network."""
        client = self._client("Networks")
        return self._found(lambda **options: client.get(project=self.project, network=name, **options)) is not None

    def has_subnetwork(self, region: str, name: str) -> bool:
        """Tell whether the project has a subnetwork in a region."""
        client = self._client("Subnetworks")
        found = self._found(
            lambda **options: client.get(project=self.project, region=region, subnetwork=name, **options)
        )
        return found is not None

    def _change(self, verb: str, zone: str, name: str, *, wait: bool = True) -> None:
        client, request = self._client("Instances"), str(uuid.uuid4())
        asked: dict[str, Any] = {"project": self.project, "zone": zone, "instance": name, "request_id": request}
        method = getattr(client, f"{verb}_unary")
        try:
            operation = self._call(lambda **options: method(request=asked, **options))
        except RefusedError as error:
            if error.code != 404:
                raise
            return
        if wait:
            self._finish(zone, operation, f"machine {name}")

    def _finish(self, zone: str, operation: Any, what: str) -> None:
        """Wait until an operation is done.

        Raises:
            ConfigError: it failed.
            UnreachableError: it takes too long.
        """
        client, until = self._client("ZoneOperations"), time.monotonic() + _LONGEST_OPERATION
        found = _body(operation)
        while found.get("status") != "DONE":
            if time.monotonic() > until:
                raise UnreachableError(f"{_WHERE} does not finish its work on {what}", mend="Look: zenml gc")
            # It answers when the operation is done, or after two minutes.
            asked = {"project": self.project, "zone": zone, "operation": found["name"]}
            found = _body(self.api.call(_WHERE, functools.partial(client.wait, asked, retry=None, timeout=3 * SECONDS)))
            if found.get("status") != "DONE":
                self.api.pause(_PAUSE)
        problem = operation_problem(found, what)
        if problem:
            raise ConfigError(problem)

    def _call(self, send: Callable[..., Any]) -> Any:
        return self.api.call(_WHERE, lambda: send(retry=None, timeout=SECONDS))

    def _found(self, send: Callable[..., Any]) -> Body | None:
        try:
            return _body(self._call(send))
        except RefusedError as error:
            if error.code != 404:
                raise
            return None

    def _client(self, kind: str) -> Any:
        from google.cloud import compute_v1

        return self.api.client(getattr(compute_v1, f"{kind}Client"))


def _body(message: Any) -> Body:
    text = type(message).to_json(message, use_integers_for_enums=False, always_print_fields_with_no_presence=False)
    body: Body = json.loads(text)
    return body


def lines_of(text: str) -> Iterator[str]:
    """Give the lines of a console, which ends each by a carriage return, too."""
    yield from (line.rstrip("\r") for line in text.split("\n"))
