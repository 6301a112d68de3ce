"""RemoteShards: a shard job for machines that share nothing with this one but an artifact store.

What the job reads is sent there, and what it names is replaced by references; workers fetch what they need of that,
work, and put back what they wrote and an answer for each shard (`zenml.runtime.remote_shards_worker`). All of it lies
below `shards/<run>/`: `pieces/` holds the content of files, sent once in a run, and a folder for each job its
description and its answers. A job's folder is named by its content, so that a run that goes on after its process was
killed finds what was done already.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from zenml.artifacts.handed_over import environment
from zenml.artifacts.hashing import in_threads, sha256_of
from zenml.artifacts.local import is_partial, walk
from zenml.artifacts.store import ArtifactStore
from zenml.data.answers import is_error, message_of
from zenml.data.shards import ShardJob
from zenml.errors import StoreError, ZenMLError
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.identifiers import RUN_ID, new_run_id
from zenml.runtime.remote_shards_paths import READ, WRITE, swap_paths
from zenml.runtime.remote_shards_pieces import Pieces, Sent
from zenml.runtime.staging import slug
from zenml.runtime.step_work import StepWork, current_work

FOLDER = "shards"
"""The folder of a store below which all of this lies."""

JOB, STOP, ANSWERS, PIECES = "job.json", "stop", "answers", "pieces"
"""What is in it; `stop` holds the number of a shard whose operation raised something."""


@dataclass
class _Known:
    """What this process knows to be in the folder of a run: files by digest, and digests of files here."""

    sent: dict[str, Sent] = field(default_factory=dict)
    digests: dict[tuple[str, int, int, int], str] = field(default_factory=dict)


_known: dict[tuple[str, str], _Known] = {}


@dataclass(frozen=True)
class RemoteShards:
    """A staged job; `stage` makes it. As a context it removes what it staged when the context is left.

    What other jobs of the run may use too stays until `remove_run`, which the executor calls when the run ends.

    Args:
        job: the job.
        store: the store.
        run_id: the run; one of its own outside of runs.
        id: names the job within the run, by its content.
        labels: what to mark with which run it is of.
    """

    job: ShardJob
    store: ArtifactStore
    run_id: str
    id: str
    labels: Mapping[str, str]
    _alone: bool
    _outputs: tuple[str, ...]
    _pieces: Pieces
    _listen: Callable[[], None] = lambda: None

    @classmethod
    def stage(cls, job: ShardJob, store: ArtifactStore, listen: Callable[[], None] = lambda: None) -> RemoteShards:
        """Send a job, its code and its inputs.

        Args:
            job: the job; of the step at work in this thread, if there is one.
            store: a store that the workers can reach by themselves.
            listen: called at every look at the job.

        Raises:
            StoreError: the store cannot be written.
            ConfigError: the code cannot be packaged.
        """
        work = current_work()
        run_id = work.run_id if work else new_run_id()
        known = _known.setdefault((store.place, run_id), _Known())
        pieces = Pieces(store, f"{FOLDER}/{run_id}/{PIECES}")
        pieces.look()
        try:
            staging = _Staging(job, known, pieces)
            told = staging.describe(work)
            content = json.dumps(told, sort_keys=True).encode()
            id_ = hashlib.sha256(content).hexdigest()[:16]
            labels = {"zenml-run": run_id, **({"zenml-pipeline": slug(work.spec.name)} if work else {})}
            shards = cls(job, store, run_id, id_, labels, work is None, tuple(staging.writes), pieces, listen)
            shards._begin(json.dumps({**told, **staging.details()}).encode())
        except BaseException:
            if work is None:
                remove_run(store, run_id)
            raise
        return shards

    @property
    def key(self) -> str:
        """The key of the job's folder."""
        return f"{FOLDER}/{self.run_id}/{self.id}"

    @property
    def uri(self) -> str:
        """The URI of the job's folder: what a worker is told."""
        return self.store.uri(self.key)

    @property
    def count(self) -> int:
        """The number of shards."""
        return len(self.job.shards)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that workers need to open the store; none where its path is all. No secret is in them."""
        return environment(self.store)

    @property
    def waiting(self) -> list[int]:
        """The numbers of the shards that have no answer yet."""
        there = self._answered()
        return [number for number in range(self.count) if number not in there]

    def stop(self) -> None:
        """Tell the workers to begin no other shard."""
        self.store.write_bytes(f"{self.key}/{STOP}", b"")

    def look(self) -> None:
        """Pass on what the workers have told since the last look, and raise what an operation raised, if one did."""
        self._listen()
        if self.store.has(f"{self.key}/{STOP}"):
            failed = self.store.read_bytes(f"{self.key}/{STOP}")
            if failed:
                message_of(self._read(int(failed))[1])

    def collect(self) -> list[bytes]:
        """Bring the output files where the job wants them, and return the messages in the order of the shards.

        Raises:
            ZenMLError: what an operation raised; or shards have no answer.
        """
        self.look()
        missing = self.waiting
        if missing:
            what = f"{len(missing)} of {self.count} shards were not worked on, the first of them {missing[0]}"
            raise ZenMLError(what, self.job.label or self.job.op)
        known = _known.setdefault((self.store.place, self.run_id), _Known())
        messages: list[bytes] = []
        files: dict[Path, Sent] = {}
        for outputs, answer in in_threads(self._read, range(self.count)):
            messages.append(message_of(answer))
            for folder, name, row in outputs:
                sent = Sent.from_json(row)
                files[Path(self._outputs[folder]) / _checked(name)] = sent
                known.sent[sent.digest] = sent
        Path(self.job.out).mkdir(parents=True, exist_ok=True)
        self._pieces.fetch([(sent, path) for path, sent in files.items()])
        return messages

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, PreemptedError):
            return  # the run goes on elsewhere, and finds what was done
        with contextlib.suppress(StoreError):  # what is left is found by `zenml gc`
            if self._alone:
                remove_run(self.store, self.run_id)
            else:
                self.store.remove(self.key)

    def _begin(self, told: bytes) -> None:
        """Write the description; what an earlier life of the run gave up is to be done again."""
        if self.store.has(f"{self.key}/{STOP}"):
            for number in self._answered():  # several workers may have failed at once
                if is_error(self._read(number)[1]):
                    self.store.remove(answer_key(self.key, number))
            self.store.remove(f"{self.key}/{STOP}")
        self.store.write_bytes(f"{self.key}/{JOB}", told)

    def _answered(self) -> list[int]:
        return [int(key.rpartition("/")[2]) for key in self.store.list(f"{self.key}/{ANSWERS}")]

    def _read(self, number: int) -> tuple[list[Any], bytes]:
        return decode_answer(self.store.read_bytes(answer_key(self.key, number)))


def remove_run(store: ArtifactStore, run_id: str) -> None:
    """Remove all that was staged for a run; no error where nothing is."""
    _known.pop((store.place, run_id), None)
    store.remove(f"{FOLDER}/{run_id}")


def staged_runs(store: ArtifactStore) -> list[str]:
    """Return the runs of which something is staged in a store, sorted."""
    return [name for name in store.transport.folders(FOLDER) if RUN_ID.fullmatch(name)]


def answer_key(folder: str, number: int) -> str:
    """Return the key of a shard's answer."""
    return f"{folder}/{ANSWERS}/{number:08d}"


def encode_answer(outputs: list[Any], answer: bytes) -> bytes:
    """Return the file that tells of a shard: what it wrote (folder, name, `Sent`), and a `ShardWorker`'s answer."""
    head = json.dumps(outputs).encode()
    return struct.pack("<Q", len(head)) + head + answer


def decode_answer(data: bytes) -> tuple[list[Any], bytes]:
    """Return what `encode_answer` was given."""
    (size,) = struct.unpack_from("<Q", data)
    outputs: list[Any] = json.loads(data[8 : 8 + size])
    return outputs, data[8 + size :]


class _Staging:
    """Sends what a job reads, and describes the job."""

    def __init__(self, job: ShardJob, known: _Known, pieces: Pieces) -> None:
        self.writes = [job.out]
        self._job = job
        self._known = known
        self._pieces = pieces
        self._reads: dict[str, int] = {}
        self._sent: dict[str, Sent] = {}

    def describe(self, work: StepWork | None) -> dict[str, Any]:
        """Return the job in JSON types, after its code and inputs were sent: equal for equal work in one run."""
        kind = self._job.op_class()
        rows = [self._job.params, *self._job.shards]
        rows = [swap_paths(row, kind.READS, self._read) for row in rows]
        params, *shards = (swap_paths(row, kind.WRITES, self._write) for row in rows)
        told: dict[str, Any] = {
            "op": self._job.op,
            "params": params,
            "shards": shards,
            "writes": len(self.writes),
            "inputs": self._send_inputs(),
            "package": None,
        }
        if work:
            package, requirements = work.code(kind)
            (sent,) = self._pieces.send([package.data])
            self._sent[sent.digest] = sent
            told["package"] = sent.digest
            told["source_roots"] = list(work.spec.environment.source_roots)
            told["requirements"] = requirements.to_json()
        return told

    def details(self) -> dict[str, Any]:
        """Return what more the workers need: what the paths are here, and where the content of files is."""
        return {
            "paths": {"reads": list(self._reads), "writes": self.writes},
            "sent": {digest: sent.to_json() for digest, sent in self._sent.items()},
        }

    def _read(self, path: str) -> Any:
        if not Path(path).is_absolute() or not Path(path).exists():
            return path  # a URL, which workers read themselves, or something that the operation must tell of
        return {READ: self._reads.setdefault(path, len(self._reads))}

    def _write(self, path: str) -> Any:
        if path not in self.writes:
            self.writes.append(path)
        return {WRITE: self.writes.index(path)}

    def _send_inputs(self) -> list[dict[str, Any]]:
        """Send the files that are not there yet; return the names and the digests of all."""
        listed = {path: dict(_files(Path(path))) for path in self._reads}
        files = list(dict.fromkeys(place for found in listed.values() for place in found.values()))
        digests = dict(zip(files, self._digests(files), strict=True))
        new = {digests[file]: file for file in files if digests[file] not in self._known.sent}
        for digest, sent in zip(new, self._pieces.send(new.values()), strict=True):
            self._known.sent[digest] = sent  # under the digest that was asked for: a file that changed is told later
        self._sent |= {digest: self._known.sent[digest] for digest in digests.values()}
        return [
            {"name": Path(path).name, "files": {name: digests[file] for name, file in found.items()}}
            for path, found in listed.items()
        ]

    def _digests(self, files: list[Path]) -> list[str]:
        known = self._known.digests
        keys = [_fact(file) for file in files]
        new = {key: file for key, file in zip(keys, files, strict=True) if key not in known}
        known.update(zip(new, sha256_of(list(new.values())), strict=True))
        return [known[key] for key in keys]


def _files(path: Path) -> list[tuple[str, Path]]:
    """Return the files of a folder by name; a file itself has none."""
    if not path.is_dir():
        return [("", path)]
    return sorted((name, path / name) for name, _ in walk(path) if not is_partial(name))


def _fact(file: Path) -> tuple[str, int, int, int]:
    facts = file.stat()
    return str(file), facts.st_size, facts.st_mtime_ns, facts.st_ino


def _checked(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute():
        raise StoreError(f"an answer names a file {name!r}, which would be written elsewhere")
    return name
