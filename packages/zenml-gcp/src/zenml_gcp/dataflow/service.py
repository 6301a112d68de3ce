"""Dataflow: its jobs in one region of a project; bodies are as in its REST API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from zenml.artifacts.retrying import retried
from zenml.errors import ZenMLError
from zenml_gcp.google_api import SECONDS, Body, GoogleAPI
from zenml_gcp.google_trouble import RefusedError, UnreachableError, passes

_WHERE = "Dataflow"
_TRIES = 6

ENDED = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_UPDATED", "JOB_STATE_DRAINED")
"""States that a job does not leave."""

_STOPPING = ("JOB_STATE_CANCELLING", "JOB_STATE_DRAINING")
_LOOKS, _PAUSE = 120, 5.0


class Dataflow:
    """The jobs.

    Args:
        api: how to reach Google's services.
        project: whose jobs.
        region: where they run.
    """

    def __init__(self, api: GoogleAPI, project: str, region: str) -> None:
        self._api, self._project, self._region = api, project, region

    def submit(self, body: Mapping[str, Any]) -> Body:
        """Make a job, or return the active one of that name; a second one is never made.

        Raises:
            ConfigError: Dataflow refuses it.
            UnreachableError: Dataflow does not answer.
        """
        refused: list[BaseException] = []

        def once() -> Body:
            found = self._usable(body["name"])
            if found:
                return found
            try:
                return self._create(body)
            except (RefusedError, UnreachableError) as error:
                there = isinstance(error, RefusedError) and error.code == 409
                made = (self.active(body["name"]) or self.latest(body["name"])) if there else None
                if made:
                    return made
                refused.append(error)
                raise

        return retried(once, lambda error: error in refused and passes(error), _TRIES, self._api.pause)

    def get(self, id_: str) -> Body:
        """Return a job."""
        from google.cloud import dataflow_v1beta3 as types

        asked = types.GetJobRequest(project_id=self._project, location=self._region, job_id=id_, view="JOB_VIEW_ALL")
        return _body(self._call(lambda **options: self._jobs.get_job(asked, **options)))

    def active(self, name: str) -> Body | None:
        """Return the job of a name that has not ended, or None."""
        return next((job for job in self.jobs() if job["name"] == name), None)

    def latest(self, name: str) -> Body | None:
        """Return the newest job of a name, whatever became of it, or None."""
        found = [job for job in self.jobs(only_active=False) if job["name"] == name]
        return max(found, key=lambda job: str(job.get("createTime", "")), default=None)

    def jobs(self, *, only_active: bool = True) -> list[Body]:
        """Return the jobs of this region, what is known of each in short."""
        from google.cloud import dataflow_v1beta3 as types

        kind = "ACTIVE" if only_active else "ALL"
        asked = types.ListJobsRequest(project_id=self._project, location=self._region, filter=kind)

        def read(**options: Any) -> list[Body]:
            return [_body(job) for job in self._jobs.list_jobs(asked, **options)]

        return [job for job in self._call(read) if not only_active or job.get("currentState") not in ENDED]

    def cancel(self, id_: str) -> None:
        """Ask a job to stop at once; no error where it has ended."""
        from google.cloud import dataflow_v1beta3 as types

        wanted = types.Job(requested_state="JOB_STATE_CANCELLED")
        asked = types.UpdateJobRequest(project_id=self._project, location=self._region, job_id=id_, job=wanted)
        try:
            self._call(lambda **options: self._jobs.update_job(asked, **options))
        except RefusedError as error:
            if error.code == 404 or self.get(id_).get("currentState") in ENDED:
                return
            raise

    def errors(self, id_: str) -> list[str]:
        """Return what a job says went wrong, in order."""
        from google.cloud import dataflow_v1beta3 as types

        asked = types.ListJobMessagesRequest(
            project_id=self._project, location=self._region, job_id=id_, minimum_importance="JOB_MESSAGE_WARNING"
        )

        def read(**options: Any) -> list[str]:
            return [message.message_text for message in self._messages.list_job_messages(asked, **options)]

        return list(dict.fromkeys(self._call(read)))

    def _usable(self, name: str) -> Body | None:
        """Return the active job of a name; one that is being stopped is waited for until it is gone."""
        for _ in range(_LOOKS):
            found = self.active(name)
            if found is None or found.get("currentState") not in _STOPPING:
                return found
            self._api.pause(_PAUSE)
        raise ZenMLError(f"the job {name} is being stopped, and has not ended yet", _WHERE, "Run again later")

    def _create(self, body: Mapping[str, Any]) -> Body:
        from google.cloud import dataflow_v1beta3 as types

        job = types.Job.from_json(json.dumps(dict(body)))
        asked = types.CreateJobRequest(project_id=self._project, location=self._region, job=job)
        send: Callable[[], Any] = lambda: self._jobs.create_job(asked, timeout=SECONDS, retry=None)  # noqa: E731 - read as what it is
        return _body(self._api.call(_WHERE, send, tries=1))

    def _call(self, send: Callable[..., Any]) -> Any:
        return self._api.call(_WHERE, lambda: send(timeout=SECONDS, retry=None))

    @cached_property
    def _jobs(self) -> Any:
        from google.cloud import dataflow_v1beta3

        return self._api.client(dataflow_v1beta3.JobsV1Beta3Client)

    @cached_property
    def _messages(self) -> Any:
        from google.cloud import dataflow_v1beta3

        return self._api.client(dataflow_v1beta3.MessagesV1Beta3Client)


def _body(message: Any) -> Body:
    options = {"use_integers_for_enums": False, "always_print_fields_with_no_presence": False}
    found: Body = json.loads(type(message).to_json(message, **options))
    return found
