from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")


def test_the_readme_s_examples_run(tmp_path, diabetes):
    readme = Path(__file__).parents[1] / "README.md"
    examples = re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
    (tmp_path / "network.py").write_text("\n".join(examples))
    shutil.copy(diabetes, tmp_path / "diabetes.csv")
    done = subprocess.run([sys.executable, "network.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'roc_auc': 0." in done.stdout
    assert "'eval_loss': 0." in done.stdout
