"""The one primitive for data work: an operation mapped over shards, its states folded in shard order.

An engine only calls `OpenJob.work` for every shard, anywhere, in any order, as often as it likes, and hands the
messages back. Shards have deterministic names and are written atomically, so a repeated shard changes nothing; messages
carry their shard's number, so the core can put them in order. Hence every engine gives the same bytes.
"""

from __future__ import annotations

import importlib
import json
import os
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from zenml.errors import ZenMLError

State = dict[str, Any]
"""What a shard leaves for the fold: JSON types, with NumPy arrays of plain numbers allowed as leaves."""


class ShardOp(ABC):
    """An operation on shards; name it in a job as `module:Class`.

    It is made once per worker, with the job's `params` and the folder that takes its output files.

    A worker that shares no files with whoever made the job is sent copies of what the operation reads, and sends back
    what it writes; so the operation says where its parameters name files and folders.

    Args:
        params: the job's parameters (JSON types).
        out: the folder for output files; it exists.
    """

    READS: ClassVar[tuple[str, ...]] = ("file",)
    """Names of fields, of a shard or of the params, that name files or folders to read: paths, `SourceFile`s as JSON,
    or lists of them; `a.b` is the field `b` of the field `a`. Other files than these are on the caller's machine only.
    """

    WRITES: ClassVar[tuple[str, ...]] = ()
    """Names of fields, in the same way, that name folders to write into, besides `out`."""

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        self.params = params
        self.out = out

    @abstractmethod
    def work(self, shard: Mapping[str, Any]) -> State:
        """Work on one shard: write its output files with `atomic_file`, return its state.

        It may be called twice for one shard, in two processes at the same time, and must do the same each time.
        """


@dataclass(frozen=True)
class ShardJob:
    """A job as data, sent to workers as JSON.

    Args:
        op: the operation, as `module:Class` of a `ShardOp`.
        shards: one JSON object per shard; a pure function of the source and of constants, never of the workers.
        out: the folder for output files.
        params: JSON parameters of the operation.
        label: what to call the work in progress displays.
        size: bytes that the whole job reads, as far as known; a local engine does small jobs in process.
    """

    op: str
    shards: tuple[Mapping[str, Any], ...]
    out: str
    params: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    size: int = 0

    def to_json(self) -> str:
        """Return the job as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> ShardJob:
        """Read what `to_json` wrote."""
        row = json.loads(text)
        return cls(**{**row, "shards": tuple(row["shards"])})

    def open(self) -> OpenJob:
        """Import the operation and make it ready for work in this process."""
        out = Path(self.out)
        out.mkdir(parents=True, exist_ok=True)
        return OpenJob(self, self.op_class()(self.params, out))

    def op_class(self) -> type[ShardOp]:
        """Import the operation."""
        module, _, name = self.op.partition(":")
        op: type[ShardOp] = getattr(importlib.import_module(module), name)
        return op


@dataclass(frozen=True)
class OpenJob:
    """A job whose operation is ready in this process."""

    job: ShardJob
    op: ShardOp

    def work(self, number: int) -> bytes:
        """Work on shard `number` and return the message that carries its state to the core."""
        return encode_message(number, self.op.work(self.job.shards[number]))


def encode_message(number: int, state: State) -> bytes:
    """Return the message that carries the state of a shard to the core."""
    return encode_state({"shard": number, "state": state})


def fold_order(job: ShardJob, messages: Iterable[bytes]) -> list[State]:
    """Return the states of a job in shard order from an engine's messages (any order, repeats allowed).

    Raises:
        ZenMLError: the engine left a shard out.
    """
    states: dict[int, State] = {}
    for message in messages:
        row = decode_state(message)
        states.setdefault(row["shard"], row["state"])
    missing = sorted(set(range(len(job.shards))) - states.keys())
    if missing:
        raise ZenMLError(f"the processing backend gave no result for {len(missing)} of {len(job.shards)} shards")
    return [states[number] for number in range(len(job.shards))]


def encode_state(state: State) -> bytes:
    """Encode a state: length of the JSON part, JSON, then the bytes of its arrays in order of appearance."""
    import numpy as np

    buffers: list[bytes] = []

    def leaf(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "biuf":
                raise TypeError(f"a state holds arrays of plain numbers only, not {value.dtype}")
            buffers.append(np.ascontiguousarray(value).tobytes())
            return {"__array__": value.dtype.str, "shape": value.shape}
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"a state holds JSON types and NumPy arrays only, not {type(value).__name__}")

    head = json.dumps(state, default=leaf).encode()
    return b"".join((struct.pack("<Q", len(head)), head, *buffers))


def decode_state(message: bytes) -> State:
    """Decode what `encode_state` made; arrays come back read-only."""
    import numpy as np

    (size,) = struct.unpack_from("<Q", message)
    position = 8 + size

    def arrays(row: dict[str, Any]) -> Any:
        nonlocal position
        if "__array__" not in row:
            return row
        dtype = np.dtype(row["__array__"])
        count = int(np.prod(row["shape"], dtype=np.int64))
        array = np.frombuffer(message, dtype, count, position).reshape(row["shape"])
        position += array.nbytes
        return array

    state: State = json.loads(message[8 : 8 + size], object_hook=arrays)
    return state


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for writing so that it appears whole or not at all, whoever else writes the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


RunJob = Callable[[ShardJob], list[State]]
"""How a step runs a job: on its processing backend, states in shard order."""
