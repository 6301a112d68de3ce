"""Compute Engine: machines that are made, run what their user data says, are preempted, stopped and deleted."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from google_double.catalog import Catalog
from google_double.filters import chosen
from google_double.machine import Machine, World
from google_double.placement import check_instance
from google_double.refusal import Refusal
from google_double.service import Body, Call, Service, serves

SYSTEM = "system"
_LINKS = "https://www.googleapis.com/compute/v1/"


class Compute(Service):
    """Compute Engine.

    Args:
        folder: for the machines' disks.
        world: what the machines reach.
    """

    DOCUMENT = "compute.v1"
    HOST = "compute.googleapis.com"
    PERMISSIONS: ClassVar[dict[str, str]] = {
        "compute.instances.insert": "compute.instances.create",
        "compute.instances.get": "compute.instances.get",
        "compute.instances.start": "compute.instances.start",
        "compute.instances.delete": "compute.instances.delete",
        "compute.instances.aggregatedList": "compute.instances.list",
        "compute.instances.getSerialPortOutput": "compute.instances.getSerialPortOutput",
        "compute.zoneOperations.list": "compute.zoneOperations.list",
        "compute.zoneOperations.wait": "compute.zoneOperations.get",
        "compute.zones.list": "compute.zones.list",
        "compute.machineTypes.get": "compute.machineTypes.get",
        "compute.machineTypes.list": "compute.machineTypes.list",
        "compute.acceleratorTypes.list": "compute.acceleratorTypes.list",
        "compute.regions.get": "compute.regions.get",
        "compute.networks.get": "compute.networks.get",
        "compute.subnetworks.get": "compute.subnetworks.get",
    }

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__()
        self.catalog = Catalog()
        self.machines: list[Machine] = []
        """Every machine that ever ran, in the order in which they were made."""
        self.requests: list[Body] = []
        """The bodies of the machines that were asked for."""
        self.no_capacity: set[str] = set()
        """Zones without capacity."""
        self.quota_error = ""
        """Why operations exceed a quota, where they do."""
        self.boots = True
        """Whether machines do what their user data says."""
        self.changed = threading.Condition()
        self._folder, self._world = folder, world
        self._instances: dict[tuple[str, str], Body] = {}
        self._operations: dict[str, Body] = {}
        self._by_request: dict[str, Body] = {}

    def close(self) -> None:
        """Turn every machine off."""
        for machine in self.machines:
            machine.kill()

    def instance(self, name: str) -> Body | None:
        """Return the machine of a name, in whatever zone."""
        with self.changed:
            return next((body for (_, each), body in self._instances.items() if each == name), None)

    def names(self) -> list[str]:
        """Return the names of all machines that are there."""
        with self.changed:
            return [name for _, name in self._instances]

    def preempt(self, name: str) -> None:
        """Take a spot machine away, as Google does when it needs the capacity."""
        self._take(name, "compute.instances.preempted", SYSTEM)

    def stop(self, name: str, user: str) -> None:
        """Stop a machine, as a user does in the console."""
        self._take(name, "stop", user, action="STOP")

    def time_out(self, name: str) -> None:
        """End a machine whose longest time has passed."""
        self._take(name, "delete", SYSTEM)

    def age(self, name: str, seconds: int) -> None:
        """Let all that was done to a machine have been done so many seconds earlier."""
        with self.changed:
            for operation in self._operations.values():
                if str(operation["targetLink"]).endswith(f"/{name}"):
                    at = datetime.fromisoformat(operation["insertTime"]).timestamp() - seconds
                    operation["insertTime"] = datetime.fromtimestamp(at, UTC).isoformat()

    def vanish(self, name: str) -> None:
        """Let a machine be gone without a word, as when nobody may see what was done to it."""
        with self.changed:
            ((zone, _),) = [key for key in self._instances if key[1] == name]
            del self._instances[zone, name]
            self._operations.clear()
        self._machine(name).kill()

    @serves("compute.instances.insert")
    def insert(self, call: Call) -> Body:
        """Begin to make a machine."""
        with self.changed:
            again = self._by_request.get(call.one("requestId"))
            if again:
                return again
            zone, name = call.parameters["zone"], call.body["name"]
            check_instance(call.body, call.parameters, self.catalog)
            if (zone, name) in self._instances:
                link = f"projects/{call.parameters['project']}/zones/{zone}/instances/{name}"
                raise Refusal(409, f"The resource '{link}' already exists")
            self.requests.append(call.body)
            operation = self._operation(call, "insert", name)
            if zone in self.no_capacity:
                message = (
                    f"The zone 'projects/{call.parameters['project']}/zones/{zone}' does not have enough resources"
                )
                return self._fail(operation, "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", message)
            if self.quota_error:
                return self._fail(operation, "QUOTA_EXCEEDED", self.quota_error)
            body = {
                **call.body,
                "id": str(uuid.uuid4().int % 2**63),
                "status": "PROVISIONING",
                "zone": f"{_LINKS}projects/{call.parameters['project']}/zones/{zone}",
                "creationTimestamp": _now(),
            }
            self._instances[zone, name] = body
            machine = Machine(body, self._folder / name, self._world)
            self.machines.append(machine)
            operation["targetId"] = body["id"]
            self._later(self._boot, operation, body, machine)
            return dict(operation)

    @serves("compute.instances.get")
    def get(self, call: Call) -> Body:
        """Return a machine."""
        with self.changed:
            return dict(self._find(call))

    @serves("compute.instances.start")
    def start(self, call: Call) -> Body:
        """Start a machine that does not run."""
        with self.changed:
            again = self._by_request.get(call.one("requestId"))
            if again:
                return again
            body = self._find(call)
            operation = self._operation(call, "start", body["name"])
            zone = call.parameters["zone"]
            if zone in self.no_capacity:
                return self._fail(operation, "ZONE_RESOURCE_POOL_EXHAUSTED", f"The zone {zone} has no capacity")
            if body["status"] == "TERMINATED":
                body["status"] = "STAGING"
                self._later(self._boot, operation, body, self._machine(body["name"]))
            else:
                operation["status"] = "DONE"
            return dict(operation)

    @serves("compute.instances.delete")
    def delete(self, call: Call) -> Body:
        """Begin to delete a machine; its system is told to end."""
        with self.changed:
            again = self._by_request.get(call.one("requestId"))
            if again:
                return again
            body = self._find(call)
            operation = self._operation(call, "delete", body["name"])
            body["status"] = "STOPPING"
            self._later(self._end, operation, body, "DELETE")
            return dict(operation)

    @serves("compute.instances.aggregatedList")
    def aggregated(self, call: Call) -> Body:
        """Return the machines of all zones."""
        with self.changed:
            items: Body = {}
            for (zone, _), body in self._instances.items():
                if chosen(body, call.one("filter")):
                    items.setdefault(f"zones/{zone}", {"instances": []})["instances"].append(dict(body))
            empty = {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "There are no results for this scope."}}
            items.setdefault("zones/us-west1-a", empty)
            return {"items": items}

    @serves("compute.instances.getSerialPortOutput")
    def console(self, call: Call) -> Body:
        """Return what a machine printed."""
        with self.changed:
            body = self._find(call)
        text, start = self._machine(body["name"]).console(), int(call.one("start", "0"))
        return {"contents": text[start:], "start": str(start), "next": str(len(text))}

    @serves("compute.zoneOperations.wait")
    def wait(self, call: Call) -> Body:
        """Return an operation when it is done, or after a while."""
        with self.changed:
            found = self._operations.get(call.parameters["operation"])
            if found is None:
                raise Refusal(404, f"The resource '{call.parameters['operation']}' was not found")
            self.changed.wait_for(lambda: found["status"] == "DONE", timeout=60)
            return dict(found)

    @serves("compute.zoneOperations.list")
    def operations(self, call: Call) -> Body:
        """Return what was done in a zone."""
        with self.changed:
            rows = [dict(each) for each in self._operations.values() if chosen(each, call.one("filter"))]
            return {"items": rows}

    @serves("compute.zones.list")
    def zones(self, call: Call) -> Body:
        """Return the zones."""
        return {"items": [{"name": zone, "status": "UP"} for zone in self.catalog.zones]}

    @serves("compute.machineTypes.list")
    def machine_types(self, call: Call) -> Body:
        """Return the types of machines."""
        return {"items": [*self.catalog.machine_types.values()]}

    @serves("compute.machineTypes.get")
    def machine_type(self, call: Call) -> Body:
        """Return a type of machines."""
        return _found(self.catalog.machine_types, call.parameters["machineType"])

    @serves("compute.acceleratorTypes.list")
    def accelerator_types(self, call: Call) -> Body:
        """Return the types of accelerators."""
        return {"items": [*self.catalog.accelerators.values()]}

    @serves("compute.regions.get")
    def region(self, call: Call) -> Body:
        """Return a region and its quotas."""
        return {"name": call.parameters["region"], "status": "UP", "quotas": self.catalog.quotas}

    @serves("compute.networks.get")
    def network(self, call: Call) -> Body:
        """Return a network."""
        return _found({name: {"name": name} for name in self.catalog.networks}, call.parameters["network"])

    @serves("compute.subnetworks.get")
    def subnetwork(self, call: Call) -> Body:
        """Return a subnetwork."""
        return _found({name: {"name": name} for name in self.catalog.subnetworks}, call.parameters["subnetwork"])

    def machine(self, name: str) -> Machine:
        """Return the latest machine of a name."""
        return self._machine(name)

    def running(self) -> Iterator[str]:
        """Give the names of the machines that run."""
        with self.changed:
            found = [name for (_, name), body in self._instances.items() if body["status"] == "RUNNING"]
        yield from found

    def _machine(self, name: str) -> Machine:
        return next(machine for machine in reversed(self.machines) if machine.name == name)

    def _find(self, call: Call) -> Body:
        zone, name = call.parameters["zone"], call.parameters["instance"]
        if (zone, name) not in self._instances:
            link = f"projects/{call.parameters['project']}/zones/{zone}/instances/{name}"
            raise Refusal(404, f"The resource '{link}' was not found")
        return self._instances[zone, name]

    def _operation(self, call: Call, kind: str, name: str) -> Body:
        project, zone = call.parameters["project"], call.parameters["zone"]
        operation = self._note(kind, call.account, f"projects/{project}/zones/{zone}/instances/{name}")
        if call.one("requestId"):
            if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", call.one("requestId")):
                raise Refusal(400, "Invalid value for field 'requestId'")
            self._by_request[call.one("requestId")] = operation
        return operation

    def _note(self, kind: str, user: str, target: str) -> Body:
        name = f"operation-{uuid.uuid4()}"
        link = f"{_LINKS}{target}"
        operation = {"name": name, "operationType": kind, "status": "RUNNING", "user": user, "targetLink": link}
        ids = [machine.body["id"] for machine in self.machines if target.endswith(f"/{machine.name}")]
        about = {"targetId": ids[-1]} if ids else {}
        self._operations[name] = {**operation, **about, "insertTime": _now(), "progress": 0}
        return self._operations[name]

    def _fail(self, operation: Body, code: str, message: str) -> Body:
        operation |= {"status": "DONE", "error": {"errors": [{"code": code, "message": message}]}}
        return dict(operation)

    def _take(self, name: str, kind: str, user: str, action: str = "") -> None:
        body = self.instance(name)
        assert body is not None, f"there is no machine {name}"
        with self.changed:
            operation = self._note(kind, user, str(body["zone"]).removeprefix(_LINKS) + f"/instances/{name}")
            body["status"] = "STOPPING"
        self._end(operation, body, action or body["scheduling"].get("instanceTerminationAction", "STOP"))

    def _later(self, work: object, *given: object) -> None:
        threading.Thread(target=work, args=given, daemon=True).start()  # type: ignore[arg-type]  # a method of this class

    def _boot(self, operation: Body, body: Body, machine: Machine) -> None:
        with self.changed:
            if body["status"] in ("PROVISIONING", "STAGING"):
                body["status"] = "RUNNING"
                if self.boots:
                    machine.boot(lambda: self._powered_off(body))
            operation |= {"status": "DONE", "progress": 100}
            self.changed.notify_all()

    def _end(self, operation: Body, body: Body, action: str) -> None:
        name = body["name"]
        zone = str(body["zone"]).rpartition("/")[2]
        self._machine(name).shut_down()
        with self.changed:
            body["status"] = "TERMINATED"
            if action == "DELETE" and self._instances.get((zone, name)) is body:
                del self._instances[zone, name]
            operation |= {"status": "DONE", "progress": 100}
            self.changed.notify_all()

    def _powered_off(self, body: Body) -> None:
        """Note that a machine turned itself off."""
        with self.changed:
            target = str(body["zone"]).removeprefix(_LINKS) + f"/instances/{body['name']}"
            operation = self._note("compute.instances.guestTerminate", SYSTEM, target)
            operation |= {"status": "DONE", "progress": 100}
            body["status"] = "TERMINATED"
            self.changed.notify_all()


def _found(rows: dict[str, Body], name: str) -> Body:
    if name not in rows:
        raise Refusal(404, f"The resource '{name}' was not found")
    return rows[name]


def _now() -> str:
    return datetime.now(UTC).isoformat()
