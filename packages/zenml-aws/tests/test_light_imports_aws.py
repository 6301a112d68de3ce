from __future__ import annotations

import json
import subprocess
import sys

import pytest

SDKS = {"boto3", "botocore", "s3fs", "aiobotocore"}
RENDERED = """
from zenml.runtime.remote import RemoteJob
from zenml_aws.ec2.backend import OrchestratorAWSBackend
job = RemoteJob("r0000000000000000000", "T", "s3://b/runs/x/spec.yaml", ("-m", "zenml"), {"zenml-run": "r"})
assert len(OrchestratorAWSBackend(region="eu-central-1").render(job)) == 2
"""


@pytest.mark.parametrize("code", ["import zenml_aws.plugin", RENDERED])
def test_no_sdk_is_imported_to_list_or_to_render(code: str) -> None:
    tell = "\nimport json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + tell], capture_output=True, text=True, check=True)
    assert not SDKS & set(json.loads(done.stdout))
