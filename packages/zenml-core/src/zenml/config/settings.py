"""Settings of a repository: the stores that its runs use by default."""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from zenml.artifacts.store import ArtifactStore
from zenml.config.repository import FOLDER, secrets_path
from zenml.errors import ConfigError
from zenml.metadata.store import MetadataStore
from zenml.secrets import use_secrets_file
from zenml.spec.component import config_problems
from zenml.spec.model import ComponentSpec


class Settings(BaseModel):
    """What `zenml config` keeps, in `.zenml/config.yaml`; what is not set has its default below `.zenml/`."""

    model_config = ConfigDict(extra="forbid")

    artifact_store: str | ComponentSpec | None = None
    metadata_store: ComponentSpec | None = None

    @staticmethod
    def path(root: Path) -> Path:
        """Return where the settings of a repository are kept."""
        return root / FOLDER / "config.yaml"

    @classmethod
    def load(cls, root: Path) -> Settings:
        """Read the settings of a repository.

        Raises:
            ConfigError: the file is not what `save` writes.
        """
        path = cls.path(root)
        try:
            data = yaml.safe_load(path.read_text()) if path.exists() else {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"cannot read the settings: {error}", str(path)) from None
        try:
            return cls.model_validate(data or {})
        except ValidationError as error:
            raise ConfigError(config_problems(cls, error, str(path))) from None

    def save(self, root: Path) -> None:
        """Write the settings of a repository, atomically and readable by their owner only."""
        path = self.path(root)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(yaml.safe_dump(self.model_dump(mode="json", exclude_none=True), sort_keys=True))
        partial.replace(path)


def artifact_store(root: Path, chosen: ArtifactStore | ComponentSpec | str | None = None) -> ArtifactStore:
    """Return the store for a run: the chosen one, else the configured one, else `.zenml/artifacts`."""
    if isinstance(chosen, ArtifactStore):
        return chosen.resolve(root)
    written = chosen or Settings.load(root).artifact_store or str(root / FOLDER / "artifacts")
    with use_secrets_file(secrets_path(root)):
        return ArtifactStore.from_spec(written).resolve(root)


def metadata_store(root: Path, chosen: MetadataStore | ComponentSpec | None = None) -> MetadataStore:
    """Return the store for a run: the chosen one, else the configured one, else `.zenml/metadata.db`."""
    if isinstance(chosen, MetadataStore):
        return chosen.resolve(root)
    block = chosen or Settings.load(root).metadata_store
    if block is None:
        block = ComponentSpec(type="SQLiteMetadataStore", config={"path": str(root / FOLDER / "metadata.db")})
    with use_secrets_file(secrets_path(root)):
        store: MetadataStore = MetadataStore.from_config(block.model_dump())
    return store.resolve(root)
