"""S3ArtifactStore: artifacts in a bucket of Amazon S3, or of a service that speaks its language."""

from __future__ import annotations

from pydantic import model_validator

from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.transport import Transport
from zenml.secrets import Secret


class S3ArtifactStore(ArtifactStore):
    """Keeps artifacts below an `s3://` URL.

    Without options, the credentials and the region are those that the AWS tools use too: environment variables, the
    shared config files, the role of the machine.

    Args:
        path: `s3://bucket/folder`.
        endpoint_url: address of another service than Amazon's, such as `https://minio.example.com`.
        region: the bucket's region.
        profile: a profile of the shared AWS config files.
        access_key: access key id, with `secret_key`.
        secret_key: secret access key.
        session_token: of temporary credentials.
        anonymous: send no credentials, to read a public bucket.
    """

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None
    session_token: Secret | None = None
    anonymous: bool = False

    @model_validator(mode="after")
    def _credentials_fit(self) -> S3ArtifactStore:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key go together")
        if self.session_token is not None and self.access_key is None:
            raise ValueError("session_token goes with access_key and secret_key")
        ways = (
            ["anonymous"] * self.anonymous + ["profile"] * bool(self.profile) + ["access_key"] * bool(self.access_key)
        )
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} exclude each other")
        return self

    def open_transport(self) -> Transport:
        """Return what reaches the bucket; nothing is sent yet."""
        from zenml_aws.transport import S3Transport

        return S3Transport(self)
