"""An engine for ZenML on Apache Beam's runners; `zenml_beam.plugin` tells what is offered."""

from __future__ import annotations

__version__ = "0.4.0"
