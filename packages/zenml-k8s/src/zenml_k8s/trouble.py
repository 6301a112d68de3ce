"""What errors of the cluster mean, and what to do about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from zenml.errors import ConfigError, Problem, ZenMLError

_SIGN_IN = "Sign in again, or give another kubernetes_config_path or context"
_BUSY = (429, 500, 502, 503, 504)


class RefusedError(ConfigError):
    """The cluster refused a call.

    Args:
        code: of HTTP.
        problem: what it says, and the mend.
        retry_after: seconds that it asks to wait.
    """

    def __init__(self, code: int, problem: Problem, retry_after: float = 0.0) -> None:
        self.code, self.retry_after = code, retry_after
        super().__init__(problem)


class UnreachableError(ZenMLError):
    """The cluster does not answer."""


def passes(error: BaseException) -> bool:
    """Tell whether a call may succeed when it is made again."""
    return isinstance(error, UnreachableError) or (isinstance(error, RefusedError) and error.code in _BUSY)


def unreachable(error: Exception, where: str) -> ZenMLError:
    """Return what it means that a call got no answer.

    Args:
        error: of the connection.
        where: the cluster's address.
    """
    from urllib3.exceptions import SSLError

    if isinstance(error, SSLError):
        mend = "Check the address, and certificate-authority in the kubeconfig"
        return ConfigError("the connection to the cluster is not secure", where, mend)
    cause = getattr(error, "reason", None) or error
    return UnreachableError(f"the cluster does not answer: {_short(cause)}", where, "Check the network and VPN")


def refused(code: int, reason: str, body: bytes, headers: Mapping[str, str], where: str) -> RefusedError:
    """Return what an answer other than success means.

    Args:
        code: of HTTP.
        reason: of HTTP.
        body: the answer's; a `Status` where the API server itself wrote it.
        headers: the answer's.
        where: the cluster's address.
    """
    status: Any = None
    with suppress(ValueError):  # a proxy in between answered
        status = json.loads(body)
    message = status.get("message") if isinstance(status, dict) else ""
    text = str(message or f"{code} {reason}")
    problem = Problem(f"the cluster refused: {text}", where, _mend(code, text))
    if code == 401:
        problem = Problem(
            "the cluster does not accept the credentials: they are wrong or have expired", where, _SIGN_IN
        )
    if code in _BUSY:
        problem = Problem(f"the cluster cannot do that now: {text}", where, "Run again later")
    waiting = headers.get("Retry-After", "")
    return RefusedError(code, problem, float(waiting) if waiting.isdigit() else 0.0)


def _mend(code: int, text: str) -> str:
    if "exceeded quota" in text or "failed quota" in text:
        return "Free what the quota counts, ask for less in resources=, or have it raised"
    if code == 403:
        return "Ask for a Role that allows it"
    if code == 404 and text.startswith("namespaces"):
        return "Make the namespace, or name another one: namespace=…"
    return ""


def _short(error: BaseException) -> str:
    """Return what an exception says without the objects that urllib3 puts in front of it."""
    text = str(error)
    return text.rpartition("object at 0x")[2].partition(">: ")[2] or text or type(error).__name__
