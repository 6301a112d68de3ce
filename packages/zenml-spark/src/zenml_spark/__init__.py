"""An engine for ZenML on Apache Spark; `zenml_spark.plugin` tells what is offered."""

from __future__ import annotations

__version__ = "0.4.0"
