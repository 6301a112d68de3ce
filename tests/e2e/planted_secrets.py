"""Secrets that tests plant, and where they are found again, in whatever form."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from zenml.artifacts.store import ArtifactStore

WATCHED_STEP = """
import json, os, pathlib, sys, time
from zenml.data.shards import ShardJob, ShardOp
from zenml.data.snapshot import Snapshot, shard_batches
from zenml.steps.split import NoSplit


class Watched(ShardOp):
    def work(self, shard):
        gate = pathlib.Path("/", self.params["gate"])
        told = {"environment": dict(os.environ), "arguments": sys.orig_argv, "folder": os.getcwd()}
        (gate / "told.partial").write_text(json.dumps(told))
        (gate / "told.partial").rename(gate / "told")
        while not (gate / "open").exists():
            time.sleep(0.02)
        return {"rows": sum(batch.num_rows for batch in shard_batches(shard["file"]))}


class WatchedSplit(NoSplit):
    gate: str

    def run(self, context):
        super().run(context)
        shards = Snapshot.of(context.inputs["examples"]).shard_rows()
        job = ShardJob("watched:Watched", shards, str(context.scratch), {"gate": self.gate.lstrip("/")}, "count rows")
        context.metrics["rows"] = float(sum(state["rows"] for state in context.run_job(job)))
"""
"""A user's module `watched`, whose operation tells in a folder what it sees, and waits there for a file `open`."""


class Planted:
    """Secrets, in the forms in which they could be passed on.

    Args:
        values: the secrets.
    """

    def __init__(self, *values: str) -> None:
        self._forms = {
            form.encode()
            for value in values
            for form in (
                value,
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
                base64.b64encode(value.encode()).decode(),
                quote(value, safe=""),
                quote_plus(value),
            )
        }

    def seen_in(self, texts: Iterable[bytes | str]) -> list[bytes]:
        """Return the beginnings of the texts that hold a secret, also within an archive; there must be some texts."""
        looked_at = [text.encode() if isinstance(text, str) else text for text in texts]
        assert looked_at, "there is nothing to look at"
        parts = [part for text in looked_at for part in _unpacked(text)]
        return [part[:200] for part in parts for form in self._forms if form in part]


def service_account_key(token_uri: str) -> tuple[str, str]:
    """Return a new private key, and the JSON text of a service account's key that holds it."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    text = made.private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode()
    account = {"client_email": "artifacts@proj-one.iam.gserviceaccount.com", "token_uri": token_uri}
    return text, json.dumps({"type": "service_account", "private_key": text, **account})


def command_lines() -> Iterator[bytes]:
    """Give the command lines of all processes."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.read_bytes()
        except OSError:
            continue  # it has ended meanwhile


def files_below(*folders: Path) -> Iterator[bytes]:
    """Give the contents of all files below folders, and their names."""
    for folder in folders:
        for path in folder.rglob("*"):
            yield str(path).encode()
            if path.is_file():
                try:
                    yield path.read_bytes()
                except OSError:
                    continue  # it was removed meanwhile


def objects_in(store: ArtifactStore) -> Iterator[bytes]:
    """Give the contents of all objects of a store, and their names."""
    for name in store.transport.sizes(""):
        yield name.encode()
        yield store.read_bytes(name)


def _unpacked(data: bytes) -> Iterator[bytes]:
    yield data
    if data.startswith(b"\x1f\x8b"):
        yield from _unpacked(gzip.decompress(data))  # the files of a tar archive lie in it as they are
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _unpacked(archive.read(name))
