"""GCSArtifactStore: artifacts in a bucket of Google Cloud Storage."""

from __future__ import annotations

from pydantic import model_validator

from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.transport import Transport
from zenml.secrets import Secret


class GCSArtifactStore(ArtifactStore):
    """Keeps artifacts below a `gs://` URL.

    Without options, the credentials are the application default ones, as `gcloud auth application-default login`
    leaves them, or those of the machine.

    Args:
        path: `gs://bucket/folder`.
        project: the project to bill.
        credentials: the JSON text of a service account's key, by reference: `file:PATH`, `env:NAME`, `secret:NAME`.
        endpoint_url: address of another service than Google's, such as an emulator.
        anonymous: send no credentials, to read a public bucket or to use an emulator.
    """

    project: str | None = None
    credentials: Secret | None = None
    endpoint_url: str | None = None
    anonymous: bool = False

    @model_validator(mode="after")
    def _credentials_fit(self) -> GCSArtifactStore:
        if self.anonymous and self.credentials is not None:
            raise ValueError("anonymous and credentials exclude each other")
        return self

    def open_transport(self) -> Transport:
        """Return what reaches the bucket; nothing is sent yet."""
        from zenml_gcp.transport import GCSTransport

        return GCSTransport(self)
