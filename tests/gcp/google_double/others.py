"""What else is asked: the project and its permissions, buckets, and the log."""

from __future__ import annotations

import re

from google_double.compute import Compute
from google_double.refusal import Refusal
from google_double.service import Body, Call, Service, serves

PROJECT, NUMBER = "proj-one", "1234"


class Projects(Service):
    """The Resource Manager."""

    DOCUMENT = "cloudresourcemanager.v1"
    HOST = "cloudresourcemanager.googleapis.com"

    def __init__(self) -> None:
        super().__init__()
        self.lacking: set[str] = set()
        """Permissions that nobody has."""

    @serves("cloudresourcemanager.projects.testIamPermissions")
    def test(self, call: Call) -> Body:
        """Return which permissions one has."""
        if call.parameters["resource"] != PROJECT:
            raise Refusal(403, "The caller does not have permission")
        return {"permissions": [each for each in call.body["permissions"] if each not in self.lacking]}

    @serves("cloudresourcemanager.projects.get")
    def get(self, call: Call) -> Body:
        """Return a project."""
        return {"projectId": call.parameters["projectId"], "projectNumber": NUMBER, "lifecycleState": "ACTIVE"}


class Buckets(Service):
    """Cloud Storage, as far as whose a bucket is; the emulator keeps the objects."""

    DOCUMENT = "storage.v1"
    HOST = "storage.googleapis.com"

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, str] = {}
        """Numbers of the projects of buckets."""
        self.regions: dict[str, str] = {}
        """Regions of buckets; the others are in several."""
        self.members: dict[str, list[str]] = {}
        """Who has a role on a bucket."""

    @serves("storage.buckets.get")
    def get(self, call: Call) -> Body:
        """Return a bucket."""
        name = call.parameters["bucket"]
        if name not in self.projects:
            raise Refusal(404, "The specified bucket does not exist.")
        region = self.regions.get(name)
        place = {"location": region.upper(), "locationType": "region"} if region else {"location": "EU"}
        return {"projectNumber": self.projects[name], **place}

    @serves("storage.buckets.getIamPolicy")
    def policy(self, call: Call) -> Body:
        """Return who may do what with a bucket."""
        members = self.members.get(call.parameters["bucket"], [])
        return {"bindings": [{"role": "roles/storage.objectAdmin", "members": members}]}


class Logging(Service):
    """Cloud Logging, with what the agents of the machines send.

    Args:
        compute: the machines.
    """

    DOCUMENT = "logging.v2"
    HOST = "logging.googleapis.com"

    def __init__(self, compute: Compute) -> None:
        super().__init__()
        self._compute = compute

    @serves("logging.entries.list")
    def list(self, call: Call) -> Body:
        """Return the lines of a machine's containers, one a page."""
        found = re.search(r'"compute.googleapis.com/resource_name"="([^"]+)"', call.body["filter"])
        if found is None or 'log_id("cos_containers")' not in call.body["filter"]:
            raise Refusal(400, f"Unparseable filter: {call.body['filter']}")
        named = [machine for machine in self._compute.machines if machine.name == found[1]]
        lines = "".join(machine.container_output() for machine in named).splitlines()
        at = int(call.body.get("pageToken", "0"))
        page: Body = {"entries": [{"jsonPayload": {"message": line}} for line in lines[at : at + 1]]}
        return page | ({"nextPageToken": str(at + 1)} if at + 1 < len(lines) else {})
