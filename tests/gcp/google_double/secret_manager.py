"""Secret Manager: secrets with labels and versions."""

from __future__ import annotations

import base64
import re
from typing import ClassVar

from google_double.filters import chosen
from google_double.refusal import Refusal
from google_double.service import Body, Call, Service, serves

_LARGEST = 64 * 1024


class SecretManager(Service):
    """Secret Manager."""

    DOCUMENT = "secretmanager.v1"
    HOST = "secretmanager.googleapis.com"
    PERMISSIONS: ClassVar[dict[str, str]] = {
        "secretmanager.projects.secrets.create": "secretmanager.secrets.create",
        "secretmanager.projects.secrets.addVersion": "secretmanager.versions.add",
        "secretmanager.projects.secrets.list": "secretmanager.secrets.list",
        "secretmanager.projects.secrets.delete": "secretmanager.secrets.delete",
        "secretmanager.projects.secrets.versions.access": "secretmanager.versions.access",
    }

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[str, Body] = {}
        """The secrets by their full names."""
        self.versions: dict[str, list[bytes]] = {}
        """What was put into each secret, oldest first."""

    @serves("secretmanager.projects.secrets.create")
    def create(self, call: Call) -> Body:
        """Make a secret."""
        short = call.one("secretId")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", short):
            raise Refusal(400, f"Secret id {short!r} is not valid")
        name = f"{call.parameters['parent']}/secrets/{short}"
        replication = call.body.get("replication", {})
        if len(replication) != 1:
            raise Refusal(400, "replication must be either automatic or user-managed")
        if "userManaged" in replication and not replication["userManaged"].get("replicas"):
            raise Refusal(400, "user-managed replication needs a replica")
        if name in self.secrets:
            raise Refusal(409, f"Secret [{name}] already exists.")
        body = {key: value for key, value in call.body.items() if key != "ttl"}
        self.secrets[name] = {**body, "name": name}
        self.versions[name] = []
        return self.secrets[name]

    @serves("secretmanager.projects.secrets.addVersion")
    def add(self, call: Call) -> Body:
        """Put something into a secret."""
        name = self._find(call.parameters["parent"])
        data = base64.b64decode(call.body["payload"]["data"])
        if not 0 < len(data) <= _LARGEST:
            raise Refusal(400, "The payload must have between 1 and 65536 bytes")
        self.versions[name].append(data)
        return {"name": f"{name}/versions/{len(self.versions[name])}", "state": "ENABLED"}

    @serves("secretmanager.projects.secrets.list")
    def list(self, call: Call) -> Body:
        """Return the secrets."""
        return {"secrets": [body for body in self.secrets.values() if chosen(body, call.one("filter"))]}

    @serves("secretmanager.projects.secrets.delete")
    def delete(self, call: Call) -> Body:
        """Delete a secret."""
        name = self._find(call.parameters["name"])
        del self.secrets[name], self.versions[name]
        return {}

    @serves("secretmanager.projects.secrets.versions.access")
    def access(self, call: Call) -> Body:
        """Return what is in a secret."""
        name, _, version = call.parameters["name"].rpartition("/versions/")
        held = self.versions[self._find(name)]
        if version != "latest" or not held:
            raise Refusal(404, f"Secret Version [{call.parameters['name']}] not found.")
        data = base64.b64encode(held[-1]).decode()
        return {"name": f"{name}/versions/{len(held)}", "payload": {"data": data, "dataCrc32c": "1"}}

    def _find(self, name: str) -> str:
        if name not in self.secrets:
            raise Refusal(404, f"Secret [{name}] not found or has no versions.")
        return name
