"""CustomJobs: the jobs of Vertex AI in one region of a project; bodies are as in its REST API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from zenml.artifacts.retrying import retried
from zenml.errors import ZenMLError
from zenml_gcp.google_api import Body, GoogleAPI
from zenml_gcp.google_trouble import RefusedError, UnreachableError, passes
from zenml_gcp.vertex.words import is_quota

ENDED = (
    "JOB_STATE_SUCCEEDED",
    "JOB_STATE_FAILED",
    "JOB_STATE_CANCELLED",
    "JOB_STATE_EXPIRED",
    "JOB_STATE_PARTIALLY_SUCCEEDED",
)
"""States that a job does not leave."""

GLOBAL_HOST = "aiplatform.googleapis.com"
"""Where Vertex AI tells of its regions."""

WHERE = "Vertex AI"

_STOPPING = "JOB_STATE_CANCELLING"
_TRIES = 6
_LOOKS, _PAUSE = 120, 5.0
_PAGE = 100
_SETTLES = 1.0
"""Seconds after which a job that was made can be found, where nobody heard the answer."""


class CustomJobs:
    """The jobs.

    Args:
        api: how to reach Google's services.
        project: whose jobs.
        region: where they run.
    """

    def __init__(self, api: GoogleAPI, project: str, region: str) -> None:
        self._api, self._host = api, f"{region}-aiplatform.googleapis.com"
        self._path = f"/v1/projects/{project}/locations/{region}/customJobs"

    def submit(self, body: Mapping[str, Any]) -> Body:
        """Make a job, or return the one of that display name that has not ended; a second one is never made.

        Vertex AI takes any number of jobs of one name, and knows no id of a request. So the job is looked for before
        it is asked for, and again whenever the answer did not come.

        Raises:
            ConfigError: Vertex AI refuses it.
            UnreachableError: Vertex AI does not answer.
        """
        name = str(body["displayName"])
        before = self._settled(name)
        active = _first(before.values(), lambda job: job.get("state") not in ENDED)
        if active:
            return active
        unclear: list[BaseException] = []

        def once() -> Body:
            made = self._made_since(name, before) if unclear else None
            if made:
                return made
            try:
                return self._api.request("POST", self._host, self._path, body, tries=1)
            except (RefusedError, UnreachableError) as error:
                if _is_unclear(error):
                    unclear.append(error)
                raise

        try:
            job = retried(once, _passes, _TRIES, self._api.pause)
        except (RefusedError, UnreachableError) as error:
            made = self._made_since(name, before) if _is_unclear(error) else None
            if made is None:
                raise
            job = made
        return self._only_one(name, before, job) if unclear else job

    def get(self, name: str) -> Body:
        """Return a job, given by its resource name."""
        return self._api.request("GET", self._host, f"/v1/{name}")

    def of_name(self, name: str) -> list[Body]:
        """Return the jobs of a display name, the first made first."""
        return self._list(f'display_name="{name}"')

    def active(self, prefix: str) -> list[Body]:
        """Return the jobs whose display names begin so and that have not ended."""
        states = " AND ".join(f'state!="{state}"' for state in ENDED)
        return [job for job in self._list(f'display_name:"{prefix}*" AND {states}') if job.get("state") not in ENDED]

    def cancel(self, name: str) -> None:
        """Ask a job to stop, given by its resource name; no error where it has ended, or is gone."""
        try:
            self._api.request("POST", self._host, f"/v1/{name}:cancel", {})
        except RefusedError as error:
            if error.code != 404 and self.get(name).get("state") not in (*ENDED, _STOPPING):
                raise

    def _settled(self, name: str) -> dict[str, Body]:
        """Return the jobs of a display name; one that is being stopped is waited for until it is gone.

        Raises:
            ZenMLError: it does not go.
        """
        for _ in range(_LOOKS):
            found = {str(job["name"]): job for job in self.of_name(name)}
            if not any(job.get("state") == _STOPPING for job in found.values()):
                return found
            self._api.pause(_PAUSE)
        raise ZenMLError(f"the job {name} is being stopped, and has not ended yet", WHERE, "Run again later")

    def _made_since(self, name: str, before: Mapping[str, Body]) -> Body | None:
        self._api.pause(_SETTLES)
        return _first(self.of_name(name), lambda job: job["name"] not in before)

    def _only_one(self, name: str, before: Mapping[str, Body], job: Body) -> Body:
        """Return the first of the jobs that calls without an answer made, and stop the others."""
        made = [each for each in self.of_name(name) if each["name"] not in before]
        for other in made[1:]:
            self.cancel(str(other["name"]))
        return made[0] if made else job

    def _list(self, chosen: str) -> list[Body]:
        rows: list[Body] = []
        token = ""
        while True:
            asked = {"filter": chosen, "pageSize": _PAGE, **({"pageToken": token} if token else {})}
            page = self._api.request("GET", self._host, f"{self._path}?{urlencode(asked)}")
            rows += page.get("customJobs", [])
            token = page.get("nextPageToken", "")
            if not token:
                return sorted(rows, key=lambda job: str(job.get("createTime", "")))


def regions(api: GoogleAPI, project: str) -> list[str]:
    """Return the regions in which Vertex AI works for a project."""
    found: list[str] = []
    token = ""
    while True:
        asked = f"?{urlencode({'pageToken': token})}" if token else ""
        page = api.request("GET", GLOBAL_HOST, f"/v1/projects/{project}/locations{asked}")
        found += [str(row["locationId"]) for row in page.get("locations", ())]
        token = page.get("nextPageToken", "")
        if not token:
            return found


def _passes(error: BaseException) -> bool:
    return passes(error) and not (isinstance(error, RefusedError) and is_quota(str(error)))


def _is_unclear(error: BaseException) -> bool:
    """Tell whether a call may have done its work although it failed."""
    return isinstance(error, UnreachableError) or (isinstance(error, RefusedError) and error.code >= 500)


def _first(jobs: Any, fits: Callable[[Body], bool]) -> Body | None:
    return next((job for job in jobs if fits(job)), None)
