"""What errors of the cluster mean, and what to do about them."""

from __future__ import annotations

import json
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


def explained(error: Exception, where: str) -> ZenMLError | None:
    """Return what an exception of the client means; None where it is not one of its own.

    Args:
        error: from a call.
        where: the cluster's address.
    """
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    if isinstance(error, AttributeError) and isinstance(error.__context__, ApiException):
        error = error.__context__  # the client stumbles over an answer without a body
    if isinstance(error, ApiException) and not error.status:  # it gives SSL errors no status
        mend = "Check the address, and certificate-authority in the kubeconfig"
        return ConfigError("the connection to the cluster is not secure", where, mend)
    if isinstance(error, ApiException):
        return _refused(error, where)
    if isinstance(error, HTTPError | OSError):
        cause = getattr(error, "reason", None) or error
        return UnreachableError(f"the cluster does not answer: {_short(cause)}", where, "Check the network and VPN")
    return None


def _refused(error: Any, where: str) -> RefusedError:
    status: dict[str, Any] = {}
    try:
        status = json.loads(error.body)
    except (TypeError, ValueError):  # a proxy in between answered
        status["message"] = f"{error.status} {error.reason}"
    code, text = int(error.status or 0), str(status.get("message") or f"{error.status} {error.reason}")
    problem = Problem(f"the cluster refused: {text}", where, _mend(code, text))
    if code == 401:
        problem = Problem(
            "the cluster does not accept the credentials: they are wrong or have expired", where, _SIGN_IN
        )
    if code in _BUSY:
        problem = Problem(f"the cluster cannot do that now: {text}", where, "Run again later")
    waiting = (error.headers or {}).get("Retry-After", "")
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
