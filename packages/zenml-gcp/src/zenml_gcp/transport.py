"""GCSTransport: reaches a bucket of Google Cloud Storage through gcsfs."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import google_crc32c
from gcsfs.core import GCSFileSystem  # the variant for zonal buckets speaks gRPC, which no emulator does
from gcsfs.retry import ChecksumError

from zenml.artifacts.fsspec_transport import FsspecTransport
from zenml.errors import Problem, StoreError
from zenml_gcp.trouble import problem_of

if TYPE_CHECKING:
    from zenml_gcp.artifact_store import GCSArtifactStore

_RESUMABLE = 5 * 2**20


class GCSTransport(FsspecTransport):
    """Keeps files in a bucket; those of more than 5 MiB are sent by a resumable upload, chunk by chunk.

    Args:
        store: which bucket, and how to reach it.
    """

    OBJECT_STORE: ClassVar[bool] = True
    TRIES: ClassVar[int] = 1  # gcsfs tries again
    chunk_size = 16 * 2**20

    def __init__(self, store: GCSArtifactStore) -> None:
        super().__init__(store.path)
        self._store = store

    def open_filesystem(self) -> GCSFileSystem:
        """Connect, and list one name, so that a missing bucket or a wrong key is told as such."""
        logging.getLogger("gcsfs").addHandler(logging.NullHandler())  # it prints each error with its traceback
        store = self._store
        filesystem = GCSFileSystem(
            project=store.project or "",
            token="anon" if store.anonymous else self._key(),
            endpoint_url=store.endpoint_url,
            consistency="md5",
            use_listings_cache=False,
        )
        bucket, prefix, _ = filesystem.split_path(self._path(filesystem, ""))
        filesystem.call("GET", "b/{}/o", bucket, prefix=prefix, maxResults=1)
        return filesystem

    def explain(self, error: Exception) -> Problem | None:
        """Return what an error of gcsfs or of Google's libraries means."""
        return problem_of(error, self.root)

    def put_file(self, filesystem: GCSFileSystem, local: str, remote: str, callback: Any) -> None:
        """Send a file, a large one in chunks."""
        path = Path(local)
        if path.stat().st_size >= _RESUMABLE:
            filesystem.put_file(local, remote, callback=callback, chunksize=self.chunk_size)
        else:
            self.put_bytes(filesystem, remote, path.read_bytes())
            callback.relative_update(path.stat().st_size)

    def put_bytes(self, filesystem: GCSFileSystem, remote: str, data: bytes) -> None:
        """Send the bytes as they are: gcsfs's own form for small files loses a carriage return at their end."""
        if not data:
            filesystem.pipe_file(remote, data)
            return
        bucket, name, _ = filesystem.split_path(remote)
        place = f"{filesystem.base.replace('/storage/', '/upload/storage/', 1)}b/{bucket}/o"
        headers = {"Content-Type": "application/octet-stream"}
        _, answer = filesystem.call("POST", place, uploadType="media", name=name, data=data, headers=headers)
        if json.loads(answer).get("crc32c") != b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode():
            raise ChecksumError(remote)

    def _key(self) -> dict[str, Any] | None:
        """Return the service account's key, or None for the application default credentials."""
        if self._store.credentials is None:
            return None
        try:
            key = json.loads(self._store.credentials.reveal())
        except ValueError:
            key = None
        if not isinstance(key, dict):
            raise StoreError(
                f"{self._store.credentials} holds no key of a service account",
                self.root,
                "Give the JSON file that Google made, as file:PATH",
            )
        return key
