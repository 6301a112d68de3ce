"""Types of the backends' fields: what SageMaker would refuse is refused where it is written."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from zenml_aws.ec2.fields import Variable
from zenml_aws.ec2.registry import EcrImage
from zenml_aws.emr.fields import Folder, Python, Region, Role, SecurityGroup, Subnet, TagKey, TagValue

__all__ = [
    "Folder",
    "Image",
    "InstanceType",
    "Key",
    "Python",
    "Region",
    "Role",
    "SecurityGroup",
    "Subnet",
    "TagKey",
    "TagValue",
    "Value",
    "Variable",
]

_LONGEST_IMAGE = 255


def _image(text: str) -> str:
    if EcrImage.parse(text) is None or len(text) > _LONGEST_IMAGE:
        raise ValueError("SageMaker takes images of ECR: write 123456789012.dkr.ecr.REGION.amazonaws.com/NAME:TAG")
    return text


def _instance_type(text: str) -> str:
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9-]+", text, re.ASCII):
        raise ValueError("SageMaker's types begin with ml: write ml.m5.xlarge")
    return text


Image = Annotated[str, AfterValidator(_image)]
"""An image of the Elastic Container Registry."""
InstanceType = Annotated[str, AfterValidator(_instance_type)]
"""`ml.m5.xlarge`."""
Key = Annotated[str, Field(pattern=r"^[a-zA-Z0-9:/_-]{1,2048}$")]
"""The id, alias or ARN of a key of KMS."""
Value = Annotated[str, Field(max_length=512)]
"""The value of an environment variable."""
