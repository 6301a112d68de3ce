"""Starts the processes of a training by PyTorch's elastic launcher: `python -m zenml_pytorch.launcher FILE [NODE]`.

It ends, with all that it started, when its standard input closes, as when the process dies that waits for it. On the
machines beside the first one, which are given their number, it ends with the training.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any


def arguments(options: dict[str, Any], node: int) -> list[str]:
    """Return what `torchrun` is called with.

    Args:
        options: of the backend, and the job's file.
        node: number of this machine.
    """
    meeting = [
        f"--rdzv-backend={'c10d' if options['nnodes'] > 1 else 'static'}",
        f"--rdzv-endpoint={options['rdzv_endpoint']}",
        f"--rdzv-id={Path(options['job']).parents[1].name}",
        f"--node-rank={node}",
    ]
    return [
        f"--nproc-per-node={options['nproc_per_node']}",
        f"--nnodes={options['nnodes']}",
        f"--max-restarts={options['max_restarts']}",
        "--monitor-interval=0.1",
        *(meeting if options["nnodes"] > 1 else ["--standalone"]),
        "--module",
        "zenml.entrypoint",
        "train",
        "--job",
        options["job"],
    ]


def main() -> int:
    """Launch, and return the exit code of the launcher."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    from zenml.runtime.child import when_parent_ends

    options = json.loads(Path(sys.argv[1]).read_bytes())
    node = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # else the launcher warns; the trainer sets its own number
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # in a shared one, the dead processes' addresses stay
    if node == 0:
        when_parent_ends(lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        torchrun(arguments(options, node))
    except ChildFailedError:
        return 1  # the processes told why
    return 0


if __name__ == "__main__":
    sys.exit(main())
