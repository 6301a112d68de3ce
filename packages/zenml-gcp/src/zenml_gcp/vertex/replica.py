"""What each of several machines runs: `python -m zenml_gcp.vertex.replica URI`, which finds out what machine it is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from zenml.entrypoint import main as enter
from zenml.secrets.stream import redact_output


def main(arguments: Sequence[str]) -> int:
    """Train as one of several machines; return the exit code.

    Args:
        arguments: the URI of what was staged.
    """
    (uri,) = arguments
    number, master = place(json.loads(os.environ["CLUSTER_SPEC"]))
    return enter(["train", "--job", uri, "--machine", str(number), "--master", master])


def place(spec: Mapping[str, Any]) -> tuple[int, str]:
    """Return the number of this machine, from 0, and the address of the first one.

    Args:
        spec: how Vertex AI tells a machine of the others: the addresses in each pool, and its own place in one.
    """
    pools: Mapping[str, Sequence[str]] = spec["cluster"]
    own, index = str(spec["task"]["type"]), int(spec["task"]["index"])
    before = (len(pools[name]) for name in sorted(pools) if name < own)
    return sum(before) + index, str(pools["workerpool0"][0])


if __name__ == "__main__":
    redact_output()  # what a job prints is kept
    sys.exit(main(sys.argv[1:]))
