"""An operation that does the work of another, and kills its own process for a shard, at a chosen moment."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from zenml.data.shards import ShardOp, State


class Dies(ShardOp):
    """Does what `params["op"]` does; so many times that it works on the victim, it dies before, amid or after that."""

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        super().__init__(params, out)
        module, _, name = params["op"].partition(":")
        self._op: ShardOp = getattr(importlib.import_module(module), name)(params["params"], out)

    def work(self, shard: Mapping[str, Any]) -> State:
        mark = Path(self.params["mark"])
        deaths = len([*mark.parent.glob(f"{mark.name}.*")])
        if shard != self.params["victim"] or deaths == self.params["times"]:
            return self._op.work(shard)
        Path(f"{mark}.{deaths}").touch()
        if self.params["moment"] == "before":
            die()
        with mock.patch.object(Path, "replace", die) if self.params["moment"] == "amid" else mock.MagicMock():
            self._op.work(shard)
        die()
        raise AssertionError


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
