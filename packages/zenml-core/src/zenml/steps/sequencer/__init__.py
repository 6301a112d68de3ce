"""Sequencer steps: rows become windows of a sequence. Serves those of every installed plugin."""

from __future__ import annotations

from zenml.plugins.facade import serve

__getattr__, __dir__ = serve(__name__)
