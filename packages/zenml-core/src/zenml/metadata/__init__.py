"""Metadata: what every run did, in the schema of ML Metadata. Serves the stores of every installed plugin."""

from __future__ import annotations

from zenml.plugins.facade import serve

__getattr__, __dir__ = serve(__name__)
