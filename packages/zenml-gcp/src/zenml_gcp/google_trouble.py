"""What errors of Google's APIs and of their clients mean, and what to do about them."""

from __future__ import annotations

import re
from typing import Any

from zenml.errors import ConfigError, Problem, ZenMLError

SIGN_IN = "Run: gcloud auth application-default login; or set GOOGLE_APPLICATION_CREDENTIALS to a key's file"
_BUSY = (408, 429, 500, 502, 503, 504)
_BUSY_REASONS = ("rateLimitExceeded", "userRateLimitExceeded", "resourceNotReady")
_PERMISSION = re.compile(
    r"Required '([\w.]+)' permission for '([^']+)'|[Pp]ermission '([\w.]+)' denied (?:on|for) (\S+)"
)
_SERVICE = re.compile(r"[\w-]+\.googleapis\.com")


class RefusedError(ConfigError):
    """A service refused a call.

    Args:
        code: of HTTP.
        reason: the service's word for it, such as `quotaExceeded`.
        problem: what it says, and the mend.
        retry_after: seconds that it asks to wait.
    """

    def __init__(self, code: int, reason: str, problem: Problem, retry_after: float = 0.0) -> None:
        self.code, self.reason, self.retry_after = code, reason, retry_after
        super().__init__(problem)


class UnreachableError(ZenMLError):
    """A service does not answer."""


def passes(error: BaseException) -> bool:
    """Tell whether a call may succeed when it is made again."""
    if isinstance(error, RefusedError):
        return error.code in _BUSY or error.reason in _BUSY_REASONS
    return isinstance(error, UnreachableError)


def explained(error: Exception, where: str) -> ZenMLError | None:
    """Return what an exception of Google's libraries means; None where it is not one of theirs.

    Args:
        error: from a call.
        where: what was called.
    """
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import DefaultCredentialsError, OAuthError, RefreshError, TransportError
    from requests.exceptions import RequestException

    if isinstance(error, GoogleAPICallError):
        return _refused(error, where)
    if isinstance(error, DefaultCredentialsError):
        return ConfigError("no Google credentials were found", where, SIGN_IN)
    if isinstance(error, RefreshError | OAuthError):
        return ConfigError("the Google credentials are not valid any more", where, SIGN_IN)
    if isinstance(error, TransportError | RequestException | RetryError | OSError):
        return UnreachableError(f"{where} does not answer: {_short(error)}", "", "Check the network, and run again")
    return None


def _refused(error: Any, where: str) -> RefusedError:
    code = int(error.code or 0)
    reason = next((str(row["reason"]) for row in error.errors or () if isinstance(row, dict) and "reason" in row), "")
    text = str(error.message or "").partition(": ")[2] if _has_address(error.message) else str(error.message or "")
    headers = getattr(error.response, "headers", None) or {}
    waiting = str(headers.get("Retry-After", ""))
    problem = _problem(code, str(error.reason or reason), text, where)
    return RefusedError(code, reason, problem, float(waiting) if waiting.isdigit() else 0.0)


def _problem(code: int, reason: str, text: str, where: str) -> Problem:
    if code == 401:
        return Problem("the service does not accept the credentials: they are wrong or have expired", where, SIGN_IN)
    if reason in ("SERVICE_DISABLED", "accessNotConfigured"):
        found = _SERVICE.search(text)
        service = found[0] if found else where
        return Problem(f"the API {service} is not enabled", where, f"Run: gcloud services enable {service}")
    if reason == "quotaExceeded" or "QUOTA" in text or (code == 403 and text.startswith("Quota exceeded")):
        return Problem(f"a quota is used up: {text}", where, "Free some of it, ask for less, or have it raised")
    lacking = _PERMISSION.search(text)
    if code == 403 and lacking:
        permission, on = lacking[1] or lacking[3], lacking[2] or lacking[4]
        what = f"the permission {permission} on {on} is missing"
        return Problem(what, where, "Ask for a role that has it")
    if code in _BUSY or reason in _BUSY_REASONS:
        return Problem(f"the service cannot do that now: {text}", where, "Run again later")
    return Problem(f"the service refused: {text}", where, "Ask for a role that allows it" if code == 403 else "")


def _has_address(text: object) -> bool:
    """Tell whether a message begins with the call, as the clients of REST put it there."""
    return bool(re.match(r"(GET|POST|PUT|PATCH|DELETE) https?://\S+: ", str(text or "")))


def _short(error: BaseException) -> str:
    """Return what an exception says, without the objects that the libraries put in front of it."""
    text = str(error)
    inner = text.rpartition("object at 0x")[2].partition(">: ")[2] or text
    return inner.strip("(')\" ")[:300] or type(error).__name__
