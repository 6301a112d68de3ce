"""A double of SageMaker: it validates by botocore's models, refuses what that refuses, and runs what it is sent."""

from __future__ import annotations

from sagemaker_double.server import ACCOUNT, REGION, ROLE, SagemakerDouble

__all__ = ["ACCOUNT", "REGION", "ROLE", "SagemakerDouble"]
