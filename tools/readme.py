"""Puts the quickstart's text and its real output into README.md; `--check` says whether the text is up to date."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def main() -> int:
    """Rewrite README.md, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    before = README.read_text(encoding="utf-8")
    after = re.sub(r"(<!-- file: (.+?) -->\n```python\n)(?s:.*?)(```\n)", _file, before)
    if check:
        if after != before:
            print("README.md is out of date. Run: python tools/readme.py", file=sys.stderr)
        return int(after != before)
    after = re.sub(r"(<!-- output -->\n```\n)(?s:.*?)(```\n)", lambda found: found[1] + _output() + found[2], after)
    README.write_text(after, encoding="utf-8")
    return 0


def _file(found: re.Match[str]) -> str:
    return found[1] + (ROOT / found[2]).read_text(encoding="utf-8") + found[3]


def _output() -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = shutil.copytree(ROOT / "examples/quickstart", Path(name, "quickstart"), ignore=lambda *_: [".zenml"])
        done = subprocess.run([sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines()) + "\n"


if __name__ == "__main__":
    sys.exit(main())
