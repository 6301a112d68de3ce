"""A double of AWS, which validates by botocore's models and runs what it is sent."""

from __future__ import annotations

from aws_double.double import AwsDouble
from aws_double.faults import Fault
from aws_double.machine import Machine

__all__ = ["AwsDouble", "Fault", "Machine"]
