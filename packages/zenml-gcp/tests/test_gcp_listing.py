from __future__ import annotations

import subprocess
import sys


def test_listing_imports_no_client() -> None:
    program = """
import sys, zenml_gcp.plugin as plugin
for name in dir(plugin):
    if name.startswith("zenml_"):
        getattr(plugin, name)()
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    sdks = ("google.cloud.", "google.auth", "google.api_core", "gcsfs", "pydantic", "requests", "yaml")
    assert not {name for name in loaded if name.startswith(sdks)}
    assert not loaded & {"zenml_gcp.vm", "zenml_gcp.artifact_store", "zenml.runtime.remote"}
