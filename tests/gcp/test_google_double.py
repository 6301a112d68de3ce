"""The double itself: it refuses what the services refuse, in their words, and fails on purpose."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from google_double import Body, Call, Fault, GoogleDouble, Refusal, Service, serves

BASE = "/compute/v1/projects/proj/zones/zone-1/instances"


class Few(Service):
    """Two methods of Compute Engine."""

    DOCUMENT = "compute.v1"
    HOST = "compute.googleapis.com"
    PERMISSIONS = {"compute.instances.get": "compute.instances.get"}

    @serves("compute.instances.insert")
    def insert(self, call: Call) -> Body:
        """Answer what was asked for."""
        return {"name": "operation-1", "targetLink": f"{call.parameters['zone']}/{call.body['name']}"}

    @serves("compute.instances.get")
    def get(self, call: Call) -> Body:
        """Find nothing."""
        raise Refusal(404, f"The resource '{call.parameters['instance']}' was not found")

    @serves("compute.instances.list")
    def wrong(self, call: Call) -> Body:
        """Answer what the service never would."""
        return {"itemz": []}


@pytest.fixture
def double() -> Iterator[GoogleDouble]:
    with GoogleDouble(Few()) as made:
        yield made


def send(double: GoogleDouble, verb: str, path: str, body: Any = None, account: str = "me") -> tuple[int, Any]:
    request = urllib.request.Request(
        double.url + path,
        data=None if body is None else json.dumps(body).encode(),
        method=verb,
        headers={"Authorization": f"Bearer {double.token_of(account)}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]["message"]


def test_a_sound_call_reaches_the_service(double: GoogleDouble) -> None:
    code, body = send(double, "POST", BASE, {"name": "vm"})
    assert (code, body["targetLink"]) == (200, "zone-1/vm")
    assert double.methods() == ["compute.instances.insert"]
    assert double.defects == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": "vm", "machine": "x"}, 'Unknown name "machine"'),
        ({"name": "VM"}, "Must be a match of regex"),
        ({"name": "vm", "scheduling": {"provisioningModel": "CHEAP"}}, "scheduling.provisioningModel"),
        ({"name": "vm", "canIpForward": "yes"}, "not true or false"),
        ({"name": "vm", "disks": {}}, "not a list"),
        ({"name": "vm", "disks": [{"diskSizeGb": "many"}]}, "not an integer"),
        ({"name": "vm", "labels": {"a": 1}}, "not a text"),
        ({"name": "vm", "scheduling": {"maxRunDuration": {"nanos": 2**31}}}, "out of range"),
        ([], "not an object"),
    ],
)
def test_a_body_that_does_not_fit_its_schema_is_refused(double: GoogleDouble, body: Any, told: str) -> None:
    code, message = send(double, "POST", BASE, body)
    assert code == 400
    assert told in message


@pytest.mark.parametrize(
    ("verb", "path", "code", "told"),
    [
        ("POST", f"{BASE}?zoned=1", 400, 'Unknown name "zoned"'),
        ("GET", f"{BASE}?maxResults=ten", 400, "maxResults"),
        ("GET", f"{BASE}?maxResults=1&maxResults=2", 400, "not repeating"),
        ("GET", "/compute/v1/projects/proj/zones/Zone/instances/vm", 400, "regular expression"),
        ("GET", f"{BASE}/vm", 404, "was not found"),
        ("PATCH", BASE, 405, "not allowed"),
        ("GET", "/compute/v9/projects", 404, "not found on this server"),
        ("DELETE", f"{BASE}/vm", 501, "does not serve compute.instances.delete"),
    ],
)
def test_a_call_that_the_api_does_not_know_is_refused(
    double: GoogleDouble, verb: str, path: str, code: int, told: str
) -> None:
    found, message = send(double, verb, path, {"name": "vm"} if verb == "POST" else None)
    assert found == code
    assert told in message


def test_an_account_may_lack_a_permission(double: GoogleDouble) -> None:
    double.denied["me"] = {"compute.instances.get"}
    assert send(double, "GET", f"{BASE}/vm") == (
        403,
        "Required 'compute.instances.get' permission for 'proj/zone-1/vm'",
    )
    assert send(double, "GET", f"{BASE}/vm", account="you")[0] == 404


def test_an_api_may_not_be_enabled(double: GoogleDouble) -> None:
    double.services[0].enabled = False
    code, message = send(double, "GET", f"{BASE}/vm")
    assert code == 403
    assert "compute.googleapis.com has not been used in project proj" in message


def test_an_answer_that_does_not_fit_its_schema_is_a_defect(double: GoogleDouble) -> None:
    send(double, "GET", BASE)
    (defect,) = double.defects
    assert "itemz" in defect


@pytest.mark.parametrize(("how", "code"), [("429", 429), ("500", 500), ("403", 403), ("503", 503)])
def test_a_call_fails_on_purpose(double: GoogleDouble, how: str, code: int) -> None:
    double.faults.append(Fault(how, at=2, method="instances.insert"))
    assert [send(double, "POST", BASE, {"name": "vm"})[0] for _ in range(3)] == [200, code, 200]


@pytest.mark.parametrize("how", ["cut-before", "cut-after"])
def test_a_connection_breaks_on_purpose(double: GoogleDouble, how: str) -> None:
    double.faults.append(Fault(how))
    with pytest.raises(OSError, match=r"closed|reset|response"):
        send(double, "POST", BASE, {"name": "vm"})


def test_who_is_not_signed_in_is_refused(double: GoogleDouble) -> None:
    request = urllib.request.Request(double.url + BASE, headers={"Authorization": "Bearer stale"})
    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        urllib.request.urlopen(request)
    caught.value.close()
