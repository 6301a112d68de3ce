"""What each container of a training on several instances runs: `python -m zenml_aws.sagemaker.host --job URI`.

It tells ZenML's entry point which of the instances this one is, and where they meet.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zenml.errors import ConfigError
from zenml.secrets.stream import redact_output

PORT = "29500"
"""Where the first instance listens, unless MASTER_PORT says another; within a job all ports are open."""

_BASE = "/opt/ml"
_CONFIG = "input/config/resourceconfig.json"


@dataclass(frozen=True)
class Cluster:
    """The instances of a job, as one of them sees them.

    Args:
        hosts: their names; all instances have them in the same order.
        current: the name of this one.
        interface: of the network by which they reach one another; empty where it is not known.
    """

    hosts: tuple[str, ...]
    current: str
    interface: str = ""

    @property
    def number(self) -> int:
        """The number of this instance."""
        return self.hosts.index(self.current)


def cluster(environment: Mapping[str, str]) -> Cluster:
    """Return what SageMaker tells of the job's instances, in a file, or by variables of its training toolkit.

    Raises:
        ConfigError: it tells nothing.
    """
    file = Path(environment.get("SAGEMAKER_BASE_DIR", _BASE), _CONFIG)
    if file.exists():
        told = json.loads(file.read_bytes())
        return Cluster(tuple(sorted(told["hosts"])), told["current_host"], told.get("network_interface_name", ""))
    try:
        hosts, current = json.loads(environment["SM_HOSTS"]), environment["SM_CURRENT_HOST"]
    except KeyError:
        raise ConfigError(f"there is no {file}, and no SM_HOSTS: this is no container of SageMaker") from None
    return Cluster(tuple(sorted(hosts)), current, environment.get("SM_NETWORK_INTERFACE_NAME", ""))


def main(arguments: Sequence[str]) -> int:
    """Train as one of the instances; return the exit code."""
    from zenml.entrypoint import main as train

    found = cluster(os.environ)
    if found.interface:
        for library in ("NCCL", "GLOO"):
            os.environ.setdefault(f"{library}_SOCKET_IFNAME", found.interface)
    port = os.environ.get("MASTER_PORT", PORT)
    meeting = ["--machine", str(found.number), "--master", f"{found.hosts[0]}:{port}"]
    return train(["train", *arguments, *meeting])


if __name__ == "__main__":
    redact_output()  # what a job prints is kept
    sys.exit(main(sys.argv[1:]))
