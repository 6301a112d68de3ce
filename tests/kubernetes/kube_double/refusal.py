"""Refusal: what the API server answers instead of an object, as its `Status` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "AlreadyExists",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class Refusal(Exception):  # noqa: N818 - it is an answer
    """An answer with an error code.

    Args:
        code: HTTP status.
        message: as the server words it.
        details: of the `Status`.
        headers: to send with it.
        reason: where it is another than the code's usual one.
    """

    def __init__(
        self,
        code: int,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> None:
        self.code, self.message, self.details = code, message, dict(details or {})
        self.headers = dict(headers or {})
        self.reason = reason or _REASONS[code]
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """Return the `Status` object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


def not_found(resource: str, name: str) -> Refusal:
    """Return the answer to a name that is not there; `resource` as in `jobs.batch`."""
    return Refusal(404, f'{resource} "{name}" not found', {"name": name, "kind": resource})
