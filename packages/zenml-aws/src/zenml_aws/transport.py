"""S3Transport: reaches a bucket of S3 through s3fs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from zenml.artifacts.fsspec_transport import FsspecTransport
from zenml.errors import Problem
from zenml_aws.trouble import problem_of

if TYPE_CHECKING:
    from s3fs import S3FileSystem

    from zenml_aws.artifact_store import S3ArtifactStore

_PARTS_AT_ONCE = 4
_ATTEMPTS = 5
_SECONDS = {"connect_timeout": 5, "read_timeout": 60}


class S3Transport(FsspecTransport):
    """Keeps files in a bucket; those of two parts or more are sent in parts, of which each is tried again by itself.

    Args:
        store: which bucket, and how to reach it.
    """

    OBJECT_STORE: ClassVar[bool] = True
    TRIES: ClassVar[int] = 1  # botocore tries again
    part_size = 16 * 2**20

    def __init__(self, store: S3ArtifactStore) -> None:
        super().__init__(store.path)
        self._store = store

    def open_filesystem(self) -> S3FileSystem:
        """Connect, and list one name, so that a missing bucket or a wrong key is told as such."""
        from s3fs import S3FileSystem

        store = self._store
        filesystem = S3FileSystem(
            anon=store.anonymous,
            endpoint_url=store.endpoint_url,
            key=store.access_key.reveal() if store.access_key else None,
            secret=store.secret_key.reveal() if store.secret_key else None,
            token=store.session_token.reveal() if store.session_token else None,
            profile=store.profile,
            client_kwargs={"region_name": store.region} if store.region else {},
            config_kwargs={"retries": {"mode": "standard", "total_max_attempts": _ATTEMPTS}, **_SECONDS},
            max_concurrency=_PARTS_AT_ONCE,
            default_block_size=self.part_size,
            use_listings_cache=False,
        )
        filesystem.retries = 2  # a body that breaks off while it is read
        bucket, prefix, _ = filesystem.split_path(self._path(filesystem, ""))
        filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return filesystem

    def explain(self, error: Exception) -> Problem | None:
        """Return what an error of botocore means."""
        return problem_of(error, self.root)

    def put_file(self, filesystem: S3FileSystem, local: str, remote: str, callback: Any) -> None:
        """Send a file, a large one in parts."""
        filesystem.put_file(local, remote, callback=callback, chunksize=self.part_size, max_concurrency=_PARTS_AT_ONCE)

    def get_file(self, filesystem: S3FileSystem, remote: str, local: str, callback: Any) -> None:
        """Get a file, a large one in parts."""
        filesystem.get_file(remote, local, callback=callback, chunksize=self.part_size, max_concurrency=_PARTS_AT_ONCE)

    def unfinished(self) -> list[str]:
        """Return the keys of uploads in parts that were neither ended nor aborted."""

        def keys(filesystem: S3FileSystem, path: str) -> list[str]:
            prefix = f"{filesystem.split_path(path)[1]}/".lstrip("/")
            return [upload["Key"].removeprefix(prefix) for upload in _uploads(filesystem, path)]

        return self._call("", keys)

    def drop_unfinished(self, filesystem: S3FileSystem, path: str) -> None:
        """Abort the uploads in parts that nobody will end; they cost room, and no listing shows them."""
        bucket, _, _ = filesystem.split_path(path)
        for upload in _uploads(filesystem, path):
            with contextlib.suppress(FileNotFoundError):  # it ended meanwhile
                filesystem.call_s3(
                    "abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )


def _uploads(filesystem: S3FileSystem, path: str) -> Iterator[dict[str, str]]:
    """Give the uploads in parts to a path and below it; none where one may not list them, or no service can."""
    bucket, name, _ = filesystem.split_path(path)
    more: dict[str, str] = {}
    while True:
        try:
            found = filesystem.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=name, **more)
        except (PermissionError, NotImplementedError):
            return
        for upload in found.get("Uploads", ()):
            if not name or upload["Key"] == name or upload["Key"].startswith(f"{name}/"):
                yield upload
        if not found.get("IsTruncated"):
            return
        more = {"KeyMarker": found["NextKeyMarker"], "UploadIdMarker": found["NextUploadIdMarker"]}
