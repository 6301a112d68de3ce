from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_the_readme_s_example_runs(tmp_path: Path) -> None:
    readme = Path(__file__).parents[1] / "README.md"
    (example,) = re.findall(r"```python\n(.*?)```", readme.read_text("utf-8"), re.DOTALL)
    (tmp_path / "through_the_library.py").write_text(example, "utf-8")
    done = subprocess.run([sys.executable, "through_the_library.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "RUNNING" in done.stdout
