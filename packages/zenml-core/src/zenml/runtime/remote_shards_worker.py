"""What a machine does that works on the shards of a staged job; it shares nothing with the client but the store.

Everything that it puts there has a name that follows from the job, and equal content however often it is put, so a
shard may be worked on twice, or again after its worker died.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zenml.artifacts.handed_over import store_at
from zenml.artifacts.local import is_partial, walk
from zenml.artifacts.read_cache import parse_size
from zenml.artifacts.store import ArtifactStore
from zenml.data.answers import encode_error, encode_raised, encode_worked, is_error
from zenml.data.shards import ShardJob, ShardOp
from zenml.runtime.installing import make_ready
from zenml.runtime.package import unpack
from zenml.runtime.remote_shards import FOLDER, JOB, PIECES, STOP, answer_key, encode_answer
from zenml.runtime.remote_shards_paths import READ, restore_paths
from zenml.runtime.remote_shards_pieces import Pieces, Sent
from zenml.runtime.requirements import Requirements
from zenml.runtime.source_roots import use_source_roots

SIZE_VARIABLE = "ZENML_SHARD_CACHE_SIZE"
"""Environment variable that says how much of its inputs a worker process keeps, such as `20 GB`."""

_DEFAULT_SIZE = "10 GB"
_LOOK_SECONDS = 1.0


def work_on(uri: str, numbers: Iterable[int]) -> Iterator[int]:
    """Work on shards of a staged job; yield the number of each whose answer is in the store.

    After the first error of an operation, and when the client has gone on, no other shard is begun. Threads of one
    process take turns.

    Args:
        uri: of the job's folder, `RemoteShards.uri`.
        numbers: which shards.

    Raises:
        StoreError: the store cannot be read or written; whoever runs the worker may try again.
    """
    for number in numbers:
        with _lock:
            worker = _worker_for(uri)
            if not worker.go(number):
                return
        yield number


class _Worker:
    """Works on one job in this process."""

    def __init__(self, uri: str) -> None:
        base, run_id, id_ = uri.rsplit("/", 2)
        self.uri = uri
        self.store: ArtifactStore = store_at(base.removesuffix(f"/{FOLDER}"))
        self.folder = f"{FOLDER}/{run_id}/{id_}"
        self._pieces = Pieces(self.store, f"{FOLDER}/{run_id}/{PIECES}")
        self._scratch = _scratch() / id_
        self._told: dict[str, Any] = {}
        self._inputs: _Inputs | None = None
        self._op: ShardOp | None = None
        self._looked = -_LOOK_SECONDS
        self._over = False

    def go(self, number: int) -> bool:
        """Work on a shard, unless it has its answer; say whether it has one now."""
        if self._is_over():
            return False
        if self.store.has(answer_key(self.folder, number)):
            return True
        try:
            answer = self._answer(number)
            outputs = self._put_outputs() if not is_error(answer) else []
            if not self._wanted():
                return False
            self.store.write_bytes(answer_key(self.folder, number), encode_answer(outputs, answer))
        finally:
            for folder in self._writes:
                shutil.rmtree(folder, ignore_errors=True)
        if is_error(answer):
            self._op, self._over = None, True
            self.store.write_bytes(f"{self.folder}/{STOP}", str(number).encode())
        return True

    def close(self) -> None:
        """Remove its files here."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _is_over(self) -> bool:
        """Say whether no shard is to be begun any more; it is looked up once a second at most."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._over = self.store.has(f"{self.folder}/{STOP}") or not self._wanted()
            self._looked = time.monotonic()
        return self._over

    def _wanted(self) -> bool:
        return self.store.has(f"{self.folder}/{JOB}")

    @property
    def _writes(self) -> list[Path]:
        theirs = self._told["paths"]["writes"] if self._told else ()
        return [self._scratch / "writes" / str(number) / Path(path).name for number, path in enumerate(theirs)]

    def _answer(self, number: int) -> bytes:
        if not self._told:
            self._told = json.loads(self.store.read_bytes(f"{self.folder}/{JOB}"))
            self._inputs = _Inputs(self._told, self._pieces, self._scratch / "reads")
        for folder in self._writes:
            folder.mkdir(parents=True, exist_ok=True)
        shard = self._told["shards"][number]
        files = self._fetch([self._told["params"], shard])  # before the operation, whose errors are no one else's
        try:
            if self._op is None:
                self._op = self._open(files)
            return encode_worked(number, self._op.work(self._restored(shard, files)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an operation raises must reach the caller
            return encode_raised(self._with_their_paths(encode_error(error)))

    def _fetch(self, rows: list[Any]) -> dict[int, Path]:
        wanted: dict[int, None] = {}

        def note(kind: str, number: int) -> str:
            if kind == READ:
                wanted[number] = None
            return ""

        restore_paths(rows, note)
        assert self._inputs is not None  # noqa: S101 - made when the job was read
        return self._inputs.fetch(list(wanted))

    def _restored(self, row: Mapping[str, Any], files: Mapping[int, Path]) -> dict[str, Any]:
        found: dict[str, Any] = restore_paths(
            row, lambda kind, number: str(files[number] if kind == READ else self._writes[number])
        )
        return found

    def _open(self, files: Mapping[int, Path]) -> ShardOp:
        """Make the code importable, and the operation ready."""
        told = self._told
        if told["package"]:
            _use_code(told, self._pieces)
        kind = ShardJob(told["op"], (), "").op_class()
        return kind(self._restored(told["params"], files), self._writes[0])

    def _put_outputs(self) -> list[Any]:
        found = [
            (number, name, folder / name)
            for number, folder in enumerate(self._writes)
            for name, _ in sorted(walk(folder), key=lambda row: row[0])
            if not is_partial(name)
        ]
        sent = self._pieces.send([path for _, _, path in found])
        return [[number, name, row.to_json()] for (number, name, _), row in zip(found, sent, strict=True)]

    def _with_their_paths(self, error: bytes) -> bytes:
        """Return an encoded error with the caller's paths in the place of this worker's."""
        text = error.decode()
        theirs = self._told["paths"]
        pairs = list(zip(map(str, self._writes), theirs["writes"], strict=True))
        if self._inputs:
            pairs += [(str(path), theirs["reads"][number]) for number, path in self._inputs.paths.items()]
        for own, their in pairs:
            text = text.replace(json.dumps(own)[1:-1], json.dumps(their)[1:-1])
        return text.encode()


class _Inputs:
    """The inputs of a job that are here, up to a size; what was used longest ago goes first."""

    def __init__(self, told: Mapping[str, Any], pieces: Pieces, folder: Path) -> None:
        self._told = told
        self._pieces = pieces
        self._folder = folder
        self._sizes: OrderedDict[int, int] = OrderedDict()
        self._limit = parse_size(os.environ.get(SIZE_VARIABLE, _DEFAULT_SIZE), SIZE_VARIABLE)

    @property
    def paths(self) -> dict[int, Path]:
        """Where the inputs are that are here."""
        return {number: self._path(number) for number in self._sizes}

    def fetch(self, numbers: list[int]) -> dict[int, Path]:
        """Return where inputs are, after getting those that are not here."""
        sent = {digest: Sent.from_json(row) for digest, row in self._told["sent"].items()} if numbers else {}
        new = [number for number in numbers if number not in self._sizes]
        files: list[tuple[Sent, Path]] = []
        for number in new:
            path, rows = self._path(number), self._told["inputs"][number]["files"]
            (path.parent if "" in rows else path).mkdir(parents=True, exist_ok=True)
            files += [(sent[digest], path / name if name else path) for name, digest in rows.items()]
        self._pieces.fetch(files)
        for number in new:
            self._sizes[number] = sum(sent[digest].size for digest in self._told["inputs"][number]["files"].values())
        for number in numbers:
            self._sizes.move_to_end(number)
        self._trim(spared=len(numbers))
        return {number: self._path(number) for number in numbers}

    def _path(self, number: int) -> Path:
        return self._folder / str(number) / str(self._told["inputs"][number]["name"])

    def _trim(self, spared: int) -> None:
        while sum(self._sizes.values()) > self._limit and len(self._sizes) > spared:
            number, _ = self._sizes.popitem(last=False)
            shutil.rmtree(self._folder / str(number), ignore_errors=True)


_lock = threading.Lock()
_workers: dict[str, _Worker] = {}
_folders: dict[int, Path] = {}
_code: dict[str, list[str]] = {}


def _worker_for(uri: str) -> _Worker:
    """Return the worker of a job; that of another one is closed."""
    if uri not in _workers:
        for other in list(_workers.values()):
            other.close()
        _workers.clear()
        _workers[uri] = _Worker(uri)
    return _workers[uri]


def _scratch() -> Path:
    """Return this process's folder for files; it goes when the process ends."""
    pid = os.getpid()
    if pid not in _folders:
        _folders[pid] = Path(tempfile.mkdtemp(prefix="zenml-shards-"))
        atexit.register(_remove_scratch, pid)
    return _folders[pid]


def _remove_scratch(pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(_folders.pop(pid), ignore_errors=True)


def _use_code(told: Mapping[str, Any], pieces: Pieces) -> None:
    """Unpack the code of a job once per process, put it first on the import path, and check what it needs.

    Raises:
        ZenMLError: the package was changed, or this environment lacks what the operation needs.
    """
    digest = told["package"]
    if digest in _code:
        return
    for other in list(_code):
        _forget_code(_code.pop(other))
    before = list(sys.path)
    folder = _scratch() / f"code-{digest[:16]}"
    data = pieces.read(Sent.from_json(told["sent"][digest]))
    try:
        wheels = unpack(data, digest, folder)
        sys.path[:0] = [*map(str, wheels)]
        sys.path[:0] = make_ready(Requirements.from_json(told["requirements"]), folder / ".installed", wheels)
        use_source_roots(folder, told["source_roots"])
    except BaseException:
        sys.path[:] = before
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _code[digest] = [entry for entry in sys.path if entry not in before]


def _forget_code(entries: list[str]) -> None:
    """Take what another job's code brought off the import path, and its modules out of this process."""
    sys.path[:] = [entry for entry in sys.path if entry not in entries]
    for name, module in list(sys.modules.items()):
        with contextlib.suppress(AttributeError, TypeError):
            if str(module.__file__).startswith(tuple(entries)):
                del sys.modules[name]
