"""RunSecrets: what is secret of runs, in Secret Manager: one secret for each run, which only its machine reads."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from zenml.errors import SecretError
from zenml_gcp.google_api import SECONDS, Body, GoogleAPI
from zenml_gcp.google_trouble import RefusedError

_WHERE = "Secret Manager"
_LARGEST = 64 * 1024


class RunSecrets:
    """The secrets of a project.

    Args:
        api: how to reach Google's services.
        project: whose secrets.
    """

    def __init__(self, api: GoogleAPI, project: str) -> None:
        self._api, self._project = api, project

    def put(self, name: str, body: Mapping[str, Any], values: Mapping[str, str]) -> None:
        """Make a secret, or find it made, and give it a new version.

        Args:
            name: of the secret.
            body: its labels and where it is kept.
            values: of variables by name.

        Raises:
            SecretError: the values are too large together.
        """
        from google.cloud import secretmanager_v1

        text = json.dumps(dict(values)).encode()
        if len(text) > _LARGEST:
            what = f"the secrets of a run take {len(text)} bytes together, more than the {_LARGEST} of Secret Manager"
            raise SecretError(what, "secrets", "Give some of them as references that are looked up there: gcp:NAME")
        secret = secretmanager_v1.Secret.from_json(json.dumps(dict(body)))
        parent = f"projects/{self._project}"
        try:
            self._call(
                lambda **options: self._client.create_secret(parent=parent, secret_id=name, secret=secret, **options)
            )
        except RefusedError as error:
            if error.code != 409:
                raise
        payload = secretmanager_v1.SecretPayload(data=text)
        self._call(
            lambda **options: self._client.add_secret_version(
                parent=f"{parent}/secrets/{name}", payload=payload, **options
            )
        )

    def list(self, labels: str) -> list[Body]:
        """Return name and labels of the secrets whose labels fit a filter."""
        from google.cloud import secretmanager_v1

        asked = secretmanager_v1.ListSecretsRequest(parent=f"projects/{self._project}", filter=labels)

        def read(**options: Any) -> list[Body]:
            rows = self._client.list_secrets(asked, **options)
            return [{"name": row.name.rpartition("/")[2], "labels": dict(row.labels)} for row in rows]

        found: list[Body] = self._call(read)
        return found

    def delete(self, name: str) -> None:
        """Delete a secret with all its versions; no error where there is none."""
        try:
            self._call(
                lambda **options: self._client.delete_secret(name=f"projects/{self._project}/secrets/{name}", **options)
            )
        except RefusedError as error:
            if error.code != 404:
                raise

    def _call(self, send: Any) -> Any:
        return self._api.call(_WHERE, lambda: send(retry=None, timeout=SECONDS))

    @functools.cached_property
    def _client(self) -> Any:
        from google.cloud import secretmanager_v1

        return self._api.client(secretmanager_v1.SecretManagerServiceClient)
