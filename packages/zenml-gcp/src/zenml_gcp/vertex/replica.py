"""What each of several machines runs: `python -m zenml_gcp.vertex.replica URI`, which finds out what machine it is."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from zenml.artifacts.handed_over import store_at
from zenml.entrypoint import main as enter
from zenml.runtime.remote_shards import ANSWERS, FOLDER, JOB, STOP
from zenml.secrets.stream import redact_output

_PATIENCE, _PAUSE = 120.0, 1.0


def main(arguments: Sequence[str]) -> int:
    """Train as one of several machines; return the exit code.

    Args:
        arguments: the URI of what was staged.
    """
    (uri,) = arguments
    spec = json.loads(os.environ["CLUSTER_SPEC"])
    number, master = place(spec)
    code = enter(["train", "--job", uri, "--machine", str(number), "--master", master])
    if number == 0 and code == 0:
        _wait_for_others(uri, sum(map(len, spec["cluster"].values())))
    return code


def place(spec: Mapping[str, Any]) -> tuple[int, str]:
    """Return the number of this machine, from 0, and the address of the first one.

    Args:
        spec: how Vertex AI tells a machine of the others: the addresses in each pool, and its own place in one.
    """
    pools: Mapping[str, Sequence[str]] = spec["cluster"]
    own, index = str(spec["task"]["type"]), int(spec["task"]["index"])
    before = (len(pools[name]) for name in sorted(pools) if name < own)
    return sum(before) + index, str(pools["workerpool0"][0])


def _wait_for_others(uri: str, machines: int) -> None:
    """Wait until every machine has answered: when this one ends well, Vertex AI turns the others off."""
    base, run_id, id_ = uri.rsplit("/", 2)
    store, folder = store_at(base.removesuffix(f"/{FOLDER}")), f"{FOLDER}/{run_id}/{id_}"
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and store.has(f"{folder}/{JOB}") and not store.has(f"{folder}/{STOP}"):
        if len(store.list(f"{folder}/{ANSWERS}")) >= machines:
            return
        time.sleep(_PAUSE)


if __name__ == "__main__":
    redact_output()  # what a job prints is kept
    sys.exit(main(sys.argv[1:]))
