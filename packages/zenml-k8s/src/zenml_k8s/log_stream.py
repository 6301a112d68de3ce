"""The log of a run: that of its pods, one after another, also over connections that break."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from zenml_k8s.cluster import Cluster
from zenml_k8s.manifest import CONTAINER
from zenml_k8s.trouble import RefusedError, UnreachableError

Body = dict[str, Any]

_PAUSE = 1.0
_BREAKS = 30
"""How often in a row a stream may break, soon and without a new line, before it is given up."""

_SOON = 60.0


class LogStream:
    """Reads what the pods of a run printed.

    Args:
        cluster: where they are.
        pods: returns the pods, oldest first.
        is_over: tells whether no other pod will follow.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        pods: Callable[[], list[Body]],
        is_over: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cluster, self._pods, self._is_over, self._sleep = cluster, pods, is_over, sleep

    def lines(self, *, follow: bool) -> Iterator[str]:
        """Give the lines so far; with `follow`, also those that come until the run is over."""
        read: set[str] = set()
        while True:
            over = not follow or self._is_over()
            for pod in self._pods():
                uid = pod["metadata"]["uid"]
                if uid not in read and _began(pod):
                    yield from self._of_pod(pod["metadata"]["name"], follow=follow)
                    read.add(uid)
            if over:
                return
            self._sleep(_PAUSE)

    def _of_pod(self, name: str, *, follow: bool) -> Iterator[str]:
        since, seen, breaks = "", set[bytes](), 0
        while True:
            began = time.monotonic()
            try:
                for line in self._cluster.log(name, CONTAINER, since, follow=follow):
                    if line in seen:
                        continue
                    breaks = 0
                    moment, _, text = line.partition(b" ")
                    second = moment[:19].decode("ascii", "replace") + "Z"
                    if second != since:
                        since, seen = second, set()
                    seen.add(line)
                    yield text.decode("utf-8", "replace")
            except UnreachableError:
                breaks = breaks + 1 if time.monotonic() - began < _SOON else 0
                if breaks > _BREAKS:
                    raise
                self._sleep(_PAUSE)
            except RefusedError as error:
                if error.code not in (400, 404):
                    raise
                return  # the pod is gone, or its container never began
            else:
                return


def _began(pod: Body) -> bool:
    """Tell whether a pod has a log."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return any((status.get("state") or {}).keys() & {"running", "terminated"} for status in statuses)
