"""RedactedStream: a standard stream of a process whose output is kept, without secrets."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from zenml.secrets.redaction import redact


class RedactedStream:
    """Writes text to another stream with `***` in place of every known secret.

    Args:
        stream: the other one; whatever else is asked of this one is asked of it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text; return its length."""
        self._stream.write(redact(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def redact_output() -> None:
    """Let whatever this process prints from now on, tracebacks too, hold no known secret."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, RedactedStream):
            setattr(sys, name, RedactedStream(stream))
