"""Write docker/constraints.txt from a report of pip: `python tools/pins.py REPORT`; docker/README.md says when."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

HEAD = "# Exact versions of what the images hold; README.md says how to renew them.\n"


def main(report: str) -> None:
    """Write the versions of all that pip would install, but for what this repository holds itself."""
    found = (row["metadata"] for row in json.loads(Path(report).read_text("utf-8"))["install"])
    versions = {re.sub(r"[-_.]+", "-", row["name"]).lower(): row["version"] for row in found}
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items()) if not name.startswith("zenml-")]
    target = Path(__file__).resolve().parents[1] / "docker" / "constraints.txt"
    target.write_text(HEAD + "".join(lines), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
