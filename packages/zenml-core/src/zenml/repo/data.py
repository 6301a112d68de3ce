"""RepositoryData: the data of the current repository, as datasources offer them to their users."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.datasources.base import Datasource
from zenml.datasources.data_repository import DataRepository
from zenml.datasources.version import DataVersion
from zenml.datasources.versions import DataVersions
from zenml.repo.datasources import versions_of
from zenml.repo.repository import Repository

if TYPE_CHECKING:
    from zenml.data.pinned_schema import PinnedSchema
    from zenml.data.statistics import TableStatistics
    from zenml.reports.page import Page

_LONGEST = 63


class RepositoryData(DataRepository):
    """The data of the repository around the working directory or the running script; it is made where there is none."""

    def __init__(self) -> None:
        self._repo = Repository.get_instance()

    def commit(self, datasource: Datasource) -> DataVersion:
        """Run a data pipeline of this one step, and return the version that it gave, which any datasource can pin."""
        from zenml.pipelines.data_pipeline import DataPipeline
        from zenml.runtime.console import Console

        pipeline = DataPipeline(_pipeline_name(datasource.name)).add_datasource(datasource)
        run = pipeline.run(report=Console())
        output = run.steps["data"].outputs["examples"]
        run.store.point_to_snapshot(output.digest, output.uri)
        return self.versions(datasource.name).find(output.digest)

    def versions(self, name: str) -> DataVersions:
        """Return the versions of what pipelines have read under a name, newest first."""
        return versions_of(self._repo, name)

    def pinned_schema(self, name: str) -> PinnedSchema | None:
        """Return the schema in `schemas/<name>.yaml`, if there is one."""
        from zenml.data.pinned_schema import PinnedSchema

        path = self._repo.root / "schemas" / f"{name}.yaml"
        return PinnedSchema.load(path) if path.exists() else None

    def write_statistics(
        self, title: str, tables: Mapping[str, TableStatistics], file: str, path: str | Path | None
    ) -> Page:
        """Write a page that shows tables side by side, by default below `.zenml/reports/`."""
        from zenml.reports.statistics_page import statistics_page

        return statistics_page(title, tables).write(path or self._repo.root / ".zenml" / "reports" / file)


def _pipeline_name(name: str) -> str:
    """Return the name of the pipeline that commits the datasource of a name."""
    return re.sub(r"[^A-Za-z0-9 ._-]", "-", f"Commit {name}")[:_LONGEST]
