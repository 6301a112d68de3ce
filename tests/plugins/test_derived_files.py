"""What is generated from the plugins is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_first_party_table_and_the_stubs_say_what_the_plugins_offer():
    command = [sys.executable, str(ROOT / "tools" / "facades.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}Run: python tools/facades.py"
