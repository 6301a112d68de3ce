from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path


def test_the_readme_s_example_runs(tmp_path, diabetes):
    readme = Path(__file__).parents[1] / "README.md"
    (example,) = re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
    (tmp_path / "forest.py").write_text(example)
    shutil.copy(diabetes, tmp_path / "diabetes.csv")
    done = subprocess.run([sys.executable, "forest.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'roc_auc': 0." in done.stdout
