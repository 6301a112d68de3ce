"""A double of the Kubernetes API on the loopback, which refuses what the real server refuses and runs what it is given.

`KubeDouble` is a cluster: an API server (`http.py`, `server.py`) over objects (`objects.py`), with validation
(`schemas.py`, `validation.py`) and admission (`admission.py`), a Job controller (`jobs.py`) and a node that runs the
commands of pods as fresh processes (`node.py`). `faults.py` breaks its calls on purpose.
"""

from __future__ import annotations

from kube_double.cluster import KubeDouble
from kube_double.faults import Fault

__all__ = ["Fault", "KubeDouble"]
