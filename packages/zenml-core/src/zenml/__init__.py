"""ZenML: machine-learning pipelines whose *what* is kept apart from their *how and where*."""

from __future__ import annotations

__version__ = "0.4.0"
