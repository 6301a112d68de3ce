from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.xdist_group("spark")
def test_the_readme_s_example_runs(tmp_path, spark):
    readme = Path(__file__).parents[1] / "README.md"
    (example,) = re.findall(r"```python\n(.*?)```", readme.read_text("utf-8"), re.DOTALL)
    (tmp_path / "on_spark.py").write_text(example, "utf-8")
    shutil.copy(ROOT / "examples/quickstart/data/diabetes.csv", tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    command = [sys.executable, "on_spark.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("COMPLETE\n")
    assert "WARN" not in done.stderr
    assert not list(scratch.glob("zenml-*"))
    running = [process.info for process in psutil.process_iter(["name", "cwd"])]
    assert {"name": "java", "cwd": str(tmp_path)} not in running
