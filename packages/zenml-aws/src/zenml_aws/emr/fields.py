"""Types of the backend's fields: what EMR would refuse is refused where it is written."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

Setting = str | bool | int | float
"""The value of one of Spark's settings."""

_BUCKET = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"


def _matching(pattern: str, what: str) -> AfterValidator:
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(what)
        return text

    return AfterValidator(check)


def _folder(text: str) -> str:
    if not re.fullmatch(rf"{_BUCKET}(/[\w!.*'()=+@:-]+)*/?", text, re.ASCII):
        raise ValueError("this is no folder of S3: write s3://bucket/folder")
    return text.rstrip("/")


Region = Annotated[str, _matching(r"[a-z]{2,}(-[a-z]+)+-\d+", "this is no region: write one like eu-central-1")]
"""A region of AWS."""
Folder = Annotated[str, AfterValidator(_folder)]
"""A folder of S3."""
Archive = Annotated[
    str,
    _matching(
        rf"{_BUCKET}/[\w!.*'()=+@:/-]+\.(tar\.gz|tgz|zip)",
        "this is no archive: write s3://bucket/environment.tar.gz (or .tgz, .zip)",
    ),
]
"""An archive in S3 that Spark unpacks."""
ApplicationId = Annotated[str, _matching(r"[0-9a-z]{1,64}", "this is no id of an application: write 00f1r2s3t4u5v6w7")]
"""The id of an application of EMR Serverless."""
ClusterId = Annotated[str, _matching(r"j-[A-Z0-9]{1,64}", "this is no id of a cluster: write one like j-2AXXXXXXGAPLF")]
"""The id of an EMR cluster."""
Role = Annotated[
    str,
    _matching(
        r"arn:aws[a-zA-Z0-9-]*:iam::\d{12}:role/([\x21-\x7e]+/)?[\w+=,.@-]+",
        "this is no ARN of a role: write arn:aws:iam::123456789012:role/NAME",
    ),
]
"""The ARN of a role of IAM."""
Release = Annotated[
    str, _matching(r"emr-[A-Za-z0-9._/-]{1,60}", "this is no release of EMR: write emr-spark-8.0.0 or emr-7.9.0")
]
"""The label of a release of EMR."""
Image = Annotated[
    str,
    _matching(
        r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.[a-z0-9._-]+/([a-z0-9]+([-._][a-z0-9]+)*/)*[a-z0-9]+([-._][a-z0-9]+)*"
        r"(:[a-zA-Z0-9_]+[a-zA-Z0-9._-]*|@sha256:[0-9a-f]{64})",
        "EMR takes images of ECR, with a tag or digest: write 123456789012.dkr.ecr.REGION.amazonaws.com/NAME:TAG",
    ),
]
"""An image of the Elastic Container Registry."""
Memory = Annotated[str, _matching(r"[1-9]\d*[mg]", "this is no amount of memory: write 4g or 512m")]
"""An amount of memory in Spark's words."""
Subnet = Annotated[str, _matching(r"subnet-[0-9a-f]+", "this is no id of a subnet: write subnet-0123456789abcdef0")]
"""The id of a subnet."""
SecurityGroup = Annotated[
    str, _matching(r"sg-[0-9a-f]+", "this is no id of a security group: write sg-0123456789abcdef0")
]
"""The id of a security group."""
Python = Annotated[str, _matching(r"[\w./+-]+", "this is no path of an interpreter: write /usr/bin/python3.11")]
"""The path of a Python interpreter."""
TagKey = Annotated[
    str, _matching(r"(?!aws:)[\w .:/=+@-]{1,128}", "a key has at most 128 letters, digits and _ . : / = + - @")
]
"""The key of a tag."""
TagValue = Annotated[
    str, _matching(r"[\w .:/=+@-]{0,256}", "a value has at most 256 letters, digits and _ . : / = + - @")
]
"""The value of a tag."""
