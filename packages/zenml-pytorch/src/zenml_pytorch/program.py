"""The exported program of a network: a file by which PyTorch serves it without the code that made it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from zenml.data.shards import atomic_file

PROGRAM_FILE = "program.pt2"

_PICKLED = "data/sample_inputs/"
"""Of an archive, what is pickled: it must be there, and may be empty."""

_ID = ".data/serialization_id"
"""Of an archive, what differs between two equal ones."""

_DATE = (1980, 1, 1, 0, 0, 0)


def export_program(network: Any, inputs: int, file: Path) -> None:
    """Write the exported program of a network for any number of rows; `torch.export.load` reads it.

    The same network gives the same bytes: names are sorted, and there are no pickles, paths, times or ids in it.

    Args:
        network: on the CPU; its outputs are those after the last activation.
        inputs: columns of the features.
        file: where to.
    """
    rows = torch.export.Dim("rows")
    was = network.training
    network.eval()
    try:
        program = torch.export.export(network, (torch.zeros(2, inputs),), dynamic_shapes=({0: rows},))
    finally:
        network.train(was)
    for module in program.graph_module.modules():
        for node in module.graph.nodes:
            for name in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node"):
                node.meta.pop(name, None)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    with atomic_file(file) as out:
        _repack(buffer, out)


def _repack(archive: io.BytesIO, out: Any) -> None:
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            inner = name.partition("/")[2]
            if inner != _ID:
                data = b"" if inner.startswith(_PICKLED) else old.read(name)
                new.writestr(zipfile.ZipInfo(f"program/{inner}", _DATE), data)
