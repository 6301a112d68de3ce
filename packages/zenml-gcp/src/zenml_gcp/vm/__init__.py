"""Pipelines on machines of Compute Engine.

`backend` is what users name. `instance` and `cloud_init` say what is made, without making it; `run_secrets`
and `cloud_logging` call Google's services; `access`, `operation` and `explain` put into words what these tell.
`machine.sh` is the program of the machine itself.
"""

from __future__ import annotations
