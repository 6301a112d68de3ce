"""Types of fields that backends on Google Cloud share: what it would refuse is refused where it is written."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_PROJECT = re.compile(r"([a-z][a-z0-9.-]*[a-z0-9]:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_ZONE = re.compile(r"[a-z]+-[a-z]+[0-9]+-[a-z]")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_TYPE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_GPU = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+(:[1-9][0-9]?)?")
_CONNECTION = re.compile(r"([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]+:[a-z]+-[a-z]+[0-9]+:[a-z][a-z0-9-]*")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]+)?"
_IMAGE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?", re.ASCII)
_ACCOUNT = re.compile(r"[a-zA-Z0-9._+-]+@[a-zA-Z0-9.-]+\.[a-z]+")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_USER = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})?")
_URL = re.compile(r"https?://[^/\s]+")
_FOLDER = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^/\s]+)*/?")
_PEERED = re.compile(r"projects/[0-9]+/global/networks/[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")


def _matching(pattern: re.Pattern[str], told: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(told)
        return text

    return AfterValidator(check)


def _zone(text: str) -> str:
    if _REGION.fullmatch(text):
        raise ValueError(f"{text} is a region: name one of its zones, such as {text}-b")
    if not _ZONE.fullmatch(text):
        raise ValueError("that is no zone: write europe-west1-b, us-central1-a, …")
    return text


def _region(text: str) -> str:
    if _ZONE.fullmatch(text):
        raise ValueError(f"{text} is a zone: name its region, {text.rpartition('-')[0]}")
    if not _REGION.fullmatch(text):
        raise ValueError("that is no region: write europe-west1, us-central1, …")
    return text


def _folder(text: str) -> str:
    if not _FOLDER.fullmatch(text):
        raise ValueError("that is no place in Cloud Storage: write gs://bucket/folder")
    return text.rstrip("/")


def _image(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        lower = " The name is written in lower case." if text != text.lower() else ""
        raise ValueError(f"that is no image: write registry/name:tag or name@sha256:….{lower}")
    return text


Project = Annotated[
    str,
    _matching(_PROJECT, "that is no project's id: 6 to 30 lower-case letters, digits and dashes, a letter first"),
]
"""The id of a project, not its name or number."""

Zone = Annotated[str, AfterValidator(_zone)]
"""`europe-west1-b`."""

Region = Annotated[str, AfterValidator(_region)]
"""`europe-west1`."""

Folder = Annotated[str, AfterValidator(_folder)]
"""`gs://bucket/folder`, without a slash at its end."""

Image = Annotated[str, AfterValidator(_image)]
"""`registry/name:tag`, `name@sha256:…`."""

MachineType = Annotated[str, _matching(_TYPE, "that is no machine type: write e2-standard-4, n2-custom-8-16384, …")]
"""`e2-standard-4`."""

Gpu = Annotated[str, _matching(_GPU, "that is no accelerator: write nvidia-tesla-t4, or nvidia-tesla-t4:2 for two")]
"""`nvidia-tesla-t4`, `nvidia-tesla-t4:2`."""

Connection = Annotated[
    str, _matching(_CONNECTION, "that is no connection name of Cloud SQL: write PROJECT:REGION:INSTANCE")
]
"""`PROJECT:REGION:INSTANCE`."""

Name = Annotated[str, _matching(_NAME, "a name is at most 63 lower-case letters, digits and dashes, a letter first")]
"""Of a network, a subnetwork, a tag."""

PeeredNetwork = Annotated[
    str, _matching(_PEERED, "write the network in full, with the project's number: projects/1234/global/networks/NAME")
]
"""`projects/1234/global/networks/name`."""

Account = Annotated[
    str, _matching(_ACCOUNT, "write the service account's address: NAME@PROJECT.iam.gserviceaccount.com")
]
"""`name@project.iam.gserviceaccount.com`."""

LabelKey = Annotated[
    str, _matching(_LABEL_KEY, "a label's key is at most 63 lower-case letters, digits, dashes and underscores")
]
"""Of a label."""

LabelValue = Annotated[
    str, _matching(_LABEL, "a label's value is at most 63 lower-case letters, digits, dashes and underscores")
]
"""Of a label."""

User = Annotated[str, _matching(_USER, "write the number of a user, or of a user and a group: 1000:1000")]
"""`1000` or `1000:1000`."""

Url = Annotated[str, _matching(_URL, "write http://HOST:PORT or https://HOST")]
"""The address of a service, without a path."""
