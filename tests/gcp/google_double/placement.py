"""What Compute Engine refuses of a machine although it fits its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google_double.catalog import Catalog
from google_double.refusal import Refusal

_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_LONGEST_VALUE = 256 * 1024


def check_instance(body: Mapping[str, Any], parameters: Mapping[str, str], catalog: Catalog) -> None:
    """Refuse a machine that cannot be made.

    Args:
        body: the machine.
        parameters: project and zone.
        catalog: what there is.

    Raises:
        Refusal: it cannot.
    """
    zone = parameters["zone"]
    if zone not in catalog.zones:
        raise Refusal(404, f"The resource 'projects/{parameters['project']}/zones/{zone}' was not found")
    for field, what in _wrong(body, zone, catalog):
        raise Refusal(400, f"Invalid value for field 'resource.{field}': {what}")


def _wrong(body: Mapping[str, Any], zone: str, catalog: Catalog) -> Iterator[tuple[str, str]]:
    kind = _within(body.get("machineType", ""), zone, "machineTypes")
    if kind not in catalog.machine_types:
        yield "machineType", f"'{body.get('machineType')}'. The referenced resource does not exist."
    for number, disk in enumerate(body.get("disks", ())):
        given = disk.get("initializeParams", {})
        if not str(given.get("sourceImage", "")).startswith("projects/cos-cloud/global/images/family/cos-"):
            yield f"disks[{number}].initializeParams.sourceImage", "The referenced image does not exist."
        if _within(given.get("diskType", ""), zone, "diskTypes") not in ("pd-balanced", "pd-ssd", "pd-standard"):
            yield f"disks[{number}].initializeParams.diskType", "The disk type is not supported."
    if [disk.get("boot") for disk in body.get("disks", ())] != [True]:
        yield "disks", "Exactly one boot disk is required."
    for interface in body.get("networkInterfaces", ()):
        if interface.get("network", "global/networks/default").rpartition("/")[2] not in catalog.networks:
            yield "networkInterfaces[0].network", "The referenced network resource cannot be found."
    for account in body.get("serviceAccounts", ()):
        if account.get("email") not in catalog.accounts:
            yield "serviceAccounts[0].email", f"The resource '{account.get('email')}' was not found"
    yield from _scheduling(body, zone, catalog)
    yield from _texts(body)


def _scheduling(body: Mapping[str, Any], zone: str, catalog: Catalog) -> Iterator[tuple[str, str]]:
    plan = body.get("scheduling", {})
    spot = plan.get("provisioningModel") == "SPOT"
    if spot and plan.get("automaticRestart"):
        yield "scheduling.automaticRestart", "Automatic restart is not supported for spot instances."
    if spot and plan.get("onHostMaintenance") != "TERMINATE":
        yield "scheduling.onHostMaintenance", "Spot instances must be terminated on host maintenance."
    if "instanceTerminationAction" in plan and not (spot or "maxRunDuration" in plan):
        yield "scheduling.instanceTerminationAction", "It needs spot provisioning or a longest duration."
    if "maxRunDuration" in plan and not 30 <= int(plan["maxRunDuration"].get("seconds", 0)) <= 120 * 86400:
        yield "scheduling.maxRunDuration", "It must be between 30 seconds and 120 days."
    if "maxRunDuration" in plan and "instanceTerminationAction" not in plan:
        yield "scheduling.maxRunDuration", "It needs a termination action."
    for accelerator in body.get("guestAccelerators", ()):
        if _within(accelerator.get("acceleratorType", ""), zone, "acceleratorTypes") not in catalog.accelerators:
            yield "guestAccelerators[0].acceleratorType", "The referenced resource does not exist."
        if plan.get("onHostMaintenance") != "TERMINATE":
            yield "scheduling.onHostMaintenance", "Instances with guest accelerators do not support live migration."


def _texts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in body.get("labels", {}).items():
        if not _LABEL.fullmatch(value) or not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key):
            yield "labels", f"'{key}: {value}'. Must be a match of regex '{_LABEL.pattern}'"
    items = body.get("metadata", {}).get("items", ())
    keys = [item["key"] for item in items]
    if len(set(keys)) != len(keys):
        yield "metadata.items", "Metadata has duplicate keys."
    if any(len(item.get("value", "").encode()) > _LONGEST_VALUE for item in items):
        yield "metadata.items", "Value is too large: maximum size 262144 character(s)."


def _within(reference: str, zone: str, kind: str) -> str:
    """Return the name in a reference to something in a zone; nothing where it is not of that zone and kind."""
    found = re.fullmatch(rf"(?:.*/)?zones/{re.escape(zone)}/{kind}/([^/]+)", reference)
    return found[1] if found else ""
