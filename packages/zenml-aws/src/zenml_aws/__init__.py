"""Amazon Web Services for ZenML; `zenml_aws.plugin` tells what is offered."""

from __future__ import annotations

__version__ = "0.4.0"
