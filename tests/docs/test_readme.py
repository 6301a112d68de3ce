"""What README.md shows is what runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_snippet_runs_after_the_quickstart(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    snippets = re.findall(r"<!-- snippet -->\n```python\n(.*?)```\n", text, re.DOTALL)
    assert len(snippets) == 5
    folder = tmp_path / "quickstart"
    shutil.copytree(ROOT / "examples/quickstart", folder, ignore=shutil.ignore_patterns(".zenml"))
    (folder / "readme.py").write_text("\n".join(["from run import pipeline", *snippets]), encoding="utf-8")
    done = subprocess.run([sys.executable, "readme.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "COMPLETE" in done.stdout
    assert "['split', 'preprocesser', 'trainer', 'evaluator']" in done.stdout
    assert "ProcessingBaseBackend" in done.stdout


def test_the_quickstarts_text_is_the_example() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/readme.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
