from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path


def test_the_readme_s_examples_run(tmp_path, diabetes):
    readme = Path(__file__).parents[1] / "README.md"
    quickstart, own = re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
    with_own, count = re.subn(
        r"TFFeedForwardTrainer\(.*?\n    \)", "WideTrainer(epochs=3)", quickstart, flags=re.DOTALL
    )
    assert count == 1
    (tmp_path / "wide.py").write_text(own)
    (tmp_path / "both.py").write_text(f"{quickstart}\nfrom wide import WideTrainer\n{with_own}")
    shutil.copy(diabetes, tmp_path / "diabetes.csv")
    done = subprocess.run([sys.executable, "both.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'accuracy': 0.") == 2
