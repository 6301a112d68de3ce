"""What the containers of a machine printed, as Cloud Logging keeps it."""

from __future__ import annotations

from collections.abc import Iterator

from zenml_gcp.google_api import Body, GoogleAPI

_PAGE = 1000


def container_lines(api: GoogleAPI, project: str, machine: str) -> Iterator[str]:
    """Give the lines that a machine's containers printed, oldest first, also when the machine is gone.

    Args:
        api: how to reach Google's services.
        project: of the machine.
        machine: its name.
    """
    query = (
        f'log_id("cos_containers") AND resource.type="gce_instance" '
        f'AND labels."compute.googleapis.com/resource_name"="{machine}"'
    )
    asked: Body = {"resourceNames": [f"projects/{project}"], "filter": query, "orderBy": "timestamp asc"}
    asked["pageSize"] = _PAGE
    while True:
        page = api.request("POST", "logging.googleapis.com", "/v2/entries:list", asked)
        for entry in page.get("entries", ()):
            text = entry.get("textPayload") or (entry.get("jsonPayload") or {}).get("message") or ""
            yield from str(text).rstrip("\n").split("\n")
        if not page.get("nextPageToken"):
            return
        asked["pageToken"] = page["nextPageToken"]
