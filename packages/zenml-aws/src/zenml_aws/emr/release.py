"""Which releases of EMR can run the application."""

from __future__ import annotations

import re

OLDEST = 7
"""The oldest release whose system runs wheels of today, and whose Spark knows Python 3.11: Spark 3.5."""

DEFAULT = "emr-spark-8.0.0"
"""The release where none is named; its Spark is 4.0."""


def release_problem(label: str) -> str:
    """Return what is wrong with a release; empty where it is fine, or not known."""
    found = re.match(r"emr-(?:spark-)?(\d+)\.", label)
    if found and int(found[1]) < OLDEST:
        return f"the release {label} is too old for Python 3.11: emr-{OLDEST}.0.0 and later ones will do"
    return ""
