"""Answers: how the outcome of a shard travels from a worker to the core, be it a message or an error.

For engines whose workers are other processes. An operation's error is no failure of the engine: as an answer it is
neither retried nor wrapped on its way, and reaches the caller as the worker raised it.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence

from zenml.data.shards import OpenJob, ShardJob, State, encode_message
from zenml.errors import Problem, ZenMLError
from zenml.secrets.redaction import redact

_MESSAGE = b"+"
_ERROR = b"-"


class WorkerFailedError(ZenMLError):
    """An operation raised something that is not a ZenMLError; the message holds the worker's traceback."""


class ShardWorker:
    """Answers for the shards of one job, which it opens once.

    Args:
        job: what `ShardJob.to_json` wrote.
        path: the caller's `sys.path`; entries that this process lacks are added, so that it finds the operation.
    """

    def __init__(self, job: str | bytes, path: Sequence[str] = ()) -> None:
        self._job = job
        self._opened: OpenJob | None = None
        sys.path += [entry for entry in path if entry not in sys.path]

    def answer(self, number: int) -> bytes:
        """Work on shard `number`; return the message, or what was raised instead, for `message_of`."""
        try:
            if self._opened is None:
                self._opened = ShardJob.from_json(self._job).open()
            return _MESSAGE + self._opened.work(number)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an operation raises must reach the caller
            return encode_raised(encode_error(error))


def encode_worked(number: int, state: State) -> bytes:
    """Return the answer for a shard that left a state."""
    return _MESSAGE + encode_message(number, state)


def encode_raised(error: bytes) -> bytes:
    """Return the answer for a shard whose operation raised what `encode_error` wrote."""
    return _ERROR + error


def is_error(answer: bytes) -> bool:
    """Tell whether an answer carries an error."""
    return answer[:1] == _ERROR


def message_of(answer: bytes) -> bytes:
    """Return the message that an answer carries.

    Raises:
        ZenMLError: what the operation raised, with its problems; a `WorkerFailedError` for any other exception.
        OSError: the worker's operating system refused something; number, reason and file are the worker's.
    """
    if is_error(answer):
        raise decode_error(answer[1:])
    return answer[1:]


def encode_error(error: BaseException) -> bytes:
    """Return an error as JSON: its classes, nearest first, its message, problems and traceback, without secrets."""
    problems = error.problems if isinstance(error, ZenMLError) else ()
    row = {
        "kinds": [[kind.__module__, kind.__qualname__] for kind in type(error).__mro__ if issubclass(kind, ZenMLError)],
        "problems": [[problem.what, problem.where, problem.mend] for problem in problems],
        "system": _system_part(error) if isinstance(error, OSError) and error.errno is not None else None,
        "message": redact(f"{type(error).__name__}: {error}"),
        "traceback": redact("".join(traceback.format_exception(error))),
    }
    return json.dumps(row).encode()


def decode_error(data: bytes) -> Exception:
    """Return the error that `encode_error` wrote, of the nearest of its classes that this process knows."""
    row = json.loads(data)
    if row["kinds"]:
        return _kind(row["kinds"])([Problem(*problem) for problem in row["problems"]])
    if row["system"]:
        number, reason, file = row["system"]
        return OSError(number, reason, file) if file else OSError(number, reason)
    return WorkerFailedError(f"{row['message']}\n{row['traceback']}")


def _system_part(error: OSError) -> list[object]:
    return [error.errno, error.strerror or str(error), None if error.filename is None else str(error.filename)]


def _kind(names: Sequence[tuple[str, str]]) -> type[ZenMLError]:
    """Return the first class that is loaded already and is made of problems alone; nothing is imported by name."""
    for module, name in names:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and issubclass(kind, ZenMLError) and kind.__init__ is ZenMLError.__init__:
            return kind
    return ZenMLError
