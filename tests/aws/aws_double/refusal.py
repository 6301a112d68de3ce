"""Refusal: an error as a service of AWS answers it, in the words of its protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

from aws_double.models import service_model


@dataclass
class Answer:
    """What is sent back over HTTP.

    Args:
        status: of HTTP.
        body: as sent.
        headers: more than its length.
    """

    status: int
    body: bytes
    headers: dict[str, str]


class Refusal(Exception):  # noqa: N818 - it is an answer
    """A call is refused.

    Args:
        code: the service's word.
        message: what it says.
        status: of HTTP.
    """

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        self.code, self.message, self.status = code, message or code, status
        super().__init__(code)

    def answer(self, service: str) -> Answer:
        """Return how a service says it."""
        protocol = service_model(service).metadata["protocol"]
        error = f"<Error><Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message></Error>"
        if protocol == "ec2":
            text = f"<Response><Errors>{error}</Errors><RequestID>double</RequestID></Response>"
        elif protocol == "query":
            text = f"<ErrorResponse>{error}<RequestId>double</RequestId></ErrorResponse>"
        else:
            told = {"__type": self.code, "message": self.message}
            return Answer(self.status, json.dumps(told).encode(), {"Content-Type": "application/x-amz-json-1.1"})
        return Answer(self.status, text.encode(), {"Content-Type": "text/xml"})


def of_fault(how: str, service: str, operation: str) -> Refusal:
    """Return the refusal that a fault asks for."""
    if how == "throttled":
        code = {"ec2": "RequestLimitExceeded", "ssm": "ThrottlingException"}.get(service, "Throttling")
        return Refusal(code, "Request limit exceeded.", 503 if service == "ec2" else 400)
    if how == "denied":
        who = "User: arn:aws:iam::123456789012:user/tester is not authorized to perform"
        action = f"{service}:{operation}"
        text = f"{who}: {action} on resource: arn:aws:{service}:*:123456789012:* because no policy allows it"
        if service == "ec2":
            text = f"You are not authorized to perform this operation. {text}"
            return Refusal("UnauthorizedOperation", text, 403)
        return Refusal("AccessDeniedException" if service == "ssm" else "AccessDenied", text, 400)
    if how in ("500", "503"):
        return Refusal("InternalError" if how == "500" else "Unavailable", "An internal error has occurred", int(how))
    return Refusal(how, f"The service says: {how}", 500 if how == "InsufficientInstanceCapacity" else 400)


def decoded(message: str) -> Answer:
    """Return how STS answers with a message that was written in a code."""
    found = f"<DecodedMessage>{escape(message)}</DecodedMessage>"
    operation = "DecodeAuthorizationMessage"
    text = f"<{operation}Response><{operation}Result>{found}</{operation}Result></{operation}Response>"
    return Answer(200, text.encode(), {"Content-Type": "text/xml"})
