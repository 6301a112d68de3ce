"""Fixtures: a double of SageMaker, an S3 that it shares with the client, and backends that lead there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie
sys.path.insert(0, str(Path(__file__).parents[1]))  # and what they share with other tests of AWS
sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))  # and the quickstart's

pytest.importorskip("moto", reason="moto is not installed. Run: pip install moto[server]")

from sagemaker_fixtures import home, job_dir, make, s3, sagemaker, served

__all__ = ["home", "job_dir", "make", "s3", "sagemaker", "served"]
