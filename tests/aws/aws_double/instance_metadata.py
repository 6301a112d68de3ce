"""What a machine answers on 169.254.169.254, to those who ask in the way of version 2 only."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from aws_double.http import Request
from aws_double.refusal import Answer

ROLE_KEY = "ASIAOFTHEROLE0000000"
"""The access key of every instance's role."""


class InstanceMetadata:
    """The metadata of one instance.

    Args:
        role: the name of its role, or an empty string.
    """

    def __init__(self, role: str) -> None:
        self._role = role
        self.spot_action = False
        """Whether the machine is about to be taken away."""

    def respond(self, request: Request) -> Answer:
        """Answer a request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if (request.method, request.path) == ("PUT", "/latest/api/token"):
            seconds = headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
            return _text("a-token" if seconds.isdigit() else "", 200 if seconds.isdigit() else 400, ttl=seconds)
        if headers.get("x-aws-ec2-metadata-token") != "a-token":
            return _text("", 401)
        path = request.path.removeprefix("/latest/meta-data/")
        if path == "spot/instance-action" and self.spot_action:
            return _text(json.dumps({"action": "terminate", "time": _time(120)}))
        if path.rstrip("/") == "iam/security-credentials" and self._role:
            return _text(self._role)
        if self._role and path == f"iam/security-credentials/{self._role}":
            keys = {"AccessKeyId": ROLE_KEY, "SecretAccessKey": "of-the-role", "Token": "of-the-role"}
            return _text(json.dumps({"Code": "Success", "Type": "AWS-HMAC", **keys, "Expiration": _time(6 * 3600)}))
        return _text("", 404)


def _text(text: str, status: int = 200, ttl: str = "") -> Answer:
    more = {"X-aws-ec2-metadata-token-ttl-seconds": ttl} if ttl else {}
    return Answer(status, text.encode(), {"Content-Type": "text/plain", **more})


def _time(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
