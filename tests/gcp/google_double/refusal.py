"""Refusal: what a service answers instead of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STATUS = {
    400: ("INVALID_ARGUMENT", "invalid"),
    401: ("UNAUTHENTICATED", "authError"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    405: ("METHOD_NOT_ALLOWED", "methodNotAllowed"),
    409: ("ALREADY_EXISTS", "alreadyExists"),
    412: ("FAILED_PRECONDITION", "conditionNotMet"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    500: ("INTERNAL", "backendError"),
    501: ("UNIMPLEMENTED", "notImplemented"),
    502: ("UNAVAILABLE", "badGateway"),
    503: ("UNAVAILABLE", "backendError"),
    504: ("DEADLINE_EXCEEDED", "backendError"),
}


class Refusal(Exception):  # noqa: N818 - it is an answer
    """An answer with an error code.

    Args:
        code: HTTP status.
        message: as the service words it.
        reason: where it is another than the code's usual one.
        details: further objects, such as `google.rpc.ErrorInfo`.
        headers: to send with it.
    """

    def __init__(
        self,
        code: int,
        message: str,
        reason: str = "",
        details: tuple[Mapping[str, Any], ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code, self.message, self.details = code, message, details
        self.status, usual = _STATUS[code]
        self.reason = reason or usual
        self.headers = dict(headers or {})
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """Return the error object."""
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        told: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [error], "status": self.status}
        if self.details:
            told["details"] = [dict(detail) for detail in self.details]
        return {"error": told}


def service_disabled(service: str, project: str) -> Refusal:
    """Return the answer of an API that the project has not enabled."""
    message = (
        f"{service} has not been used in project {project} before or it is disabled. Enable it by visiting "
        f"https://console.developers.google.com/apis/api/{service}/overview?project={project} then retry."
    )
    metadata = {"service": service, "consumer": f"projects/{project}"}
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    detail = {**info, "domain": "googleapis.com", "metadata": metadata}
    return Refusal(403, message, "accessNotConfigured", (detail,))
