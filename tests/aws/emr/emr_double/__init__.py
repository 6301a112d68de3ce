"""A double of Amazon EMR: it validates by botocore's models, refuses what EMR refuses, and runs what it is sent."""

from emr_double.applications import Host
from emr_double.faults import HOWS, Fault
from emr_double.server import EmrDouble

__all__ = ["HOWS", "EmrDouble", "Fault", "Host"]
