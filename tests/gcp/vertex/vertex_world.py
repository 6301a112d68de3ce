"""A double of Google Cloud with Vertex AI, a bucket in an emulator, and what leads this machine there."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import pytest
from google_double import Body, Call, GoogleDouble, Refusal, Service, serves
from google_double.others import NUMBER, Buckets, Projects
from vertex_double import Vertex
from vertex_rules import ACCOUNTS

from zenml.artifacts import retrying
from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.runtime import remote_work
from zenml.testing.emulators import make_gcs_bucket


class Accounts(Service):
    """The service accounts."""

    DOCUMENT = "iam.v1"
    HOST = "iam.googleapis.com"

    def __init__(self) -> None:
        super().__init__()
        self.closed: set[str] = set()
        """Those that nobody may let a job work by."""

    @serves("iam.projects.serviceAccounts.testIamPermissions")
    def test(self, call: Call) -> Body:
        """Return which permissions one has on an account."""
        account = call.parameters["resource"].rpartition("/")[2]
        if account not in ACCOUNTS:
            raise Refusal(404, f"Unknown service account: {account}")
        return {} if account in self.closed else {"permissions": call.body["permissions"]}


@contextmanager
def google_with_vertex(folder: Path, storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleDouble]:
    """Give a double of Google Cloud, with credentials for it, and short pauses.

    Args:
        folder: for all its files.
        storage: address of an emulator of Cloud Storage.
        monkeypatch: the test's.
    """
    from zenml_gcp.vertex import base, service, watch

    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(service, "_SETTLES", 0.0)
    monkeypatch.setattr(service, "_PAUSE", 0.01)
    monkeypatch.setattr(base.GCAIPTrainingBackend, "PAUSES", (0.05, 0.2))
    monkeypatch.setattr(remote_work, "_sound", set())
    monkeypatch.setattr(watch, "_LAST_LOOKS", 1000)  # a busy machine takes its time to end a process
    environment = {"STORAGE_EMULATOR_HOST": storage, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / "cache"))
    vertex = Vertex(folder / "jobs", environment)
    with GoogleDouble(vertex, Projects(), Buckets(), Accounts()) as double:
        credentials = str(double.write_credentials(folder / "credentials.json"))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", credentials)
        vertex.environment["GOOGLE_APPLICATION_CREDENTIALS"] = credentials
        yield double
    assert double.defects == []


def new_job_dir(double: GoogleDouble, storage: str) -> str:
    """Return the URL of a folder in a new bucket of the project's."""
    name = f"bucket-{token_hex(8)}"
    make_gcs_bucket(storage, name)
    double.service(Buckets).projects[name] = NUMBER
    return f"gs://{name}/training"


def staged(storage: str, job_dir: str) -> list[str]:
    """Return the names of what is in the bucket."""
    bucket = job_dir.removeprefix("gs://").partition("/")[0]
    with urllib.request.urlopen(f"{storage}/storage/v1/b/{bucket}/o") as answer:
        return [row["name"] for row in json.load(answer).get("items", ())]
