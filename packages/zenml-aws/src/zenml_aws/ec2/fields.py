"""The types of the backend's fields: what EC2 and Docker take, told before they are asked."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_IMAGE = rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"


def _fits(pattern: str, mend: str) -> AfterValidator:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(mend)
        return value

    return AfterValidator(check)


def _id(prefix: str) -> AfterValidator:
    return _fits(rf"{prefix}-[0-9a-f]{{8,17}}", f"write the id, as in {prefix}-0a1b2c3d4e5f67890")


Region = Annotated[str, _fits(r"[a-z]{2,5}(-[a-z]+)+-[0-9]+", "write a region, as in eu-central-1")]
"""`eu-central-1`."""

InstanceType = Annotated[str, _fits(r"[a-z0-9-]+\.[a-z0-9-]+", "write a type and a size, as in m7i.large")]
"""`m7i.large`."""

Image = Annotated[str, _fits(_IMAGE, "that is no image: write registry/name:tag or name@sha256:…, in lower case")]
"""`registry/name:tag`, `name@sha256:…`."""

AMI = Annotated[str, _id("ami")]
"""`ami-…`."""

Subnet = Annotated[str, _id("subnet")]
"""`subnet-…`."""

SecurityGroup = Annotated[str, _id("sg")]
"""`sg-…`."""

Price = Annotated[str, _fits(r"[0-9]+(\.[0-9]+)?", "write US dollars an hour, as in 0.12")]
"""US dollars an hour."""

Profile = Annotated[
    str,
    _fits(
        r"(arn:[a-z-]+:iam::[0-9]{12}:instance-profile/)?[\w+=,.@/-]{1,640}", "write an instance profile's name or ARN"
    ),
]
"""The name of an instance profile, or its ARN."""

Device = Annotated[str, _fits(r"/dev/[a-z0-9]+", "write a device, as in /dev/xvda")]
"""`/dev/xvda`."""

Variable = Annotated[str, _fits(r"[A-Za-z_][A-Za-z0-9_]*", "that cannot be the name of a variable")]
"""The name of an environment variable."""

TagKey = Annotated[
    str,
    _fits(r"(?!aws:)(?!zenml-)[^\x00-\x1f]{1,128}", "a key has 1 to 128 characters, not beginning with aws: or zenml-"),
]
"""A tag's key."""

TagValue = Annotated[str, _fits(r"[^\x00-\x1f]{0,256}", "a value has at most 256 characters")]
"""A tag's value."""
