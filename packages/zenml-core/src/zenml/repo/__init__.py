"""The repository as its users see it: what is installed, what ran, and where things are kept."""

from __future__ import annotations

from zenml.artifacts.store import ArtifactStore
from zenml.repo.repository import Repository

__all__ = ["ArtifactStore", "Repository"]
