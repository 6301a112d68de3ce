from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

TRAINERS = ("trainer", "boosting", "batches")
"""What the snippets call the trainers that they make."""


def test_the_readme_s_example_runs(tmp_path, diabetes):
    readme = Path(__file__).parents[1] / "README.md"
    example, *others = re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
    again = [re.sub(r"SklearnTrainer\(.*?\)\)", f"{name})", example) for name in TRAINERS]
    (tmp_path / "forest.py").write_text("\n".join([example, *others, *again]))
    shutil.copy(diabetes, tmp_path / "diabetes.csv")
    done = subprocess.run([sys.executable, "forest.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'roc_auc': 0.") == 1 + len(TRAINERS)
    assert "'cv_roc_auc_mean': 0." in done.stdout
