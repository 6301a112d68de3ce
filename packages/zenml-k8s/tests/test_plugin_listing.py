from __future__ import annotations

import subprocess
import sys


def test_listing_imports_no_client() -> None:
    program = "import sys, zenml_k8s.plugin as p; p.zenml_orchestrator_backends(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"kubernetes", "pydantic", "urllib3", "yaml", "zenml_k8s.backend", "zenml.runtime.remote"}
