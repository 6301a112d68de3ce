from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_readme_s_example_runs(tmp_path):
    readme = Path(__file__).parents[1] / "README.md"
    (example,) = re.findall(r"```python\n(.*?)```", readme.read_text("utf-8"), re.DOTALL)
    (tmp_path / "on_beam.py").write_text(example, "utf-8")
    shutil.copy(ROOT / "examples/quickstart/data/diabetes.csv", tmp_path)
    done = subprocess.run([sys.executable, "on_beam.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("COMPLETE\n")
    assert "WARN" not in done.stderr
