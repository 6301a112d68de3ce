"""Answers that come too late: whoever waits for one has waited long enough at once, so that no test takes that long."""

from __future__ import annotations

from typing import Any

import pytest

HEADER = "X-Comes-Too-Late"
"""Marks, among the headers that a server of a test sends, an answer that nobody gets."""


def let_time_fly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's calls by urllib3 run into their time-outs where the answer is one that comes too late."""
    from urllib3.connection import HTTPConnection

    wait: Any = HTTPConnection.getresponse

    def getresponse(connection: HTTPConnection) -> Any:
        answer = wait(connection)
        if HEADER not in answer.headers:
            return answer
        connection.close()
        raise TimeoutError("timed out")

    monkeypatch.setattr(HTTPConnection, "getresponse", getresponse)
