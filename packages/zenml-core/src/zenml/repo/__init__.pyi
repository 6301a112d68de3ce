# The repository as its users see it: what is installed, what ran, and where things are kept.
# Written by tools/facades.py.

from zenml.artifacts.store import ArtifactStore as ArtifactStore
from zenml.repo.repository import Repository as Repository
