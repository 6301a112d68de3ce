"""DataViews: what a pipeline shows of the data that it read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.config.repository import current_root
from zenml.datasources.base import Datasource
from zenml.errors import DataError, ZenMLError
from zenml.runtime.run import Output, Run
from zenml.spec.model import RunSpec
from zenml.steps.base import Step

if TYPE_CHECKING:
    from zenml.data.anomalies import Anomaly, Limits
    from zenml.data.pinned_schema import PinnedSchema
    from zenml.data.statistics import TableStatistics
    from zenml.reports.page import Page


class DataViews:
    """The methods of a pipeline that look at the data of its complete runs."""

    name: str
    run_defaults: RunSpec
    _steps: Mapping[str, Step]

    def view_statistics(self, path: str | Path | None = None) -> Page:
        """Write an HTML page that shows the columns of the newest complete run's data, its splits side by side.

        Args:
            path: the file to write; by default one below `.zenml/reports/`.

        Returns:
            The page, which shows itself in a notebook; `page.open()` shows it in a browser.

        Raises:
            ZenMLError: there is no complete run, or it has no examples.
        """
        from zenml.data.snapshot import Snapshot
        from zenml.reports.statistics_page import statistics_page

        root = current_root()
        run = self._runs(root)[0]
        snapshot = Snapshot.of(run.store.open(_examples(run)[-1].uri))
        splits = sorted(snapshot.splits, key=lambda name: -snapshot.rows(name))
        page = statistics_page(f"{self.name}: statistics", {name: snapshot.statistics(name) for name in splits})
        return page.write(path or root / ".zenml" / "reports" / f"{run.id}-statistics.html")

    def view_schema(self) -> PinnedSchema:
        """Return what is expected of the datasource's columns: the pinned schema, else what its newest data are like.

        Raises:
            ZenMLError: nothing is pinned, and there is no complete run.
        """
        from zenml.data.pinned_schema import PinnedSchema

        root = current_root()
        pinned = self._schema_file(root)
        return PinnedSchema.load(pinned) if pinned.exists() else PinnedSchema.infer(_data(self._runs(root)[0]))

    def pin_schema(self) -> Path:
        """Write what the newest data are like to `schemas/<datasource>.yaml`, to be read, edited and committed.

        Raises:
            ZenMLError: there is no complete run.
        """
        from zenml.data.pinned_schema import PinnedSchema

        root = current_root()
        path = self._schema_file(root)
        PinnedSchema.infer(_data(self._runs(root)[0])).save(path)
        return path

    def view_anomalies(self, *, limits: Limits | None = None, raises: bool = False) -> list[Anomaly]:
        """Return how the newest data differ from the pinned schema, and from the version before them.

        Args:
            limits: from where distributions count as different.
            raises: raise the anomalies as one error instead of returning them.

        Raises:
            ZenMLError: there is no complete run.
            DataError: every anomaly, where `raises` asks for it.
        """
        from zenml.data.anomalies import find_anomalies
        from zenml.data.pinned_schema import PinnedSchema

        root = current_root()
        newest, *older = self._runs(root)
        digest = _examples(newest)[0].digest
        before = next((run for run in older if _examples(run)[0].digest != digest), None)
        path = self._schema_file(root)
        pinned = PinnedSchema.load(path) if path.exists() else None
        found = find_anomalies(_data(newest), pinned, _data(before) if before else None, limits)
        if found and raises:
            raise DataError([row.to_problem() for row in found])
        return found

    def _runs(self, root: Path) -> list[Run]:
        """Return the complete runs of this pipeline, newest first, at least one."""
        from zenml.config.settings import artifact_store, metadata_store
        from zenml.metadata.records import State

        metadata = metadata_store(root, self.run_defaults.metadata_store)
        store = artifact_store(root, self.run_defaults.artifact_store)
        records = metadata.list_runs(pipeline=self.name)
        found = [Run(record.id, metadata, store) for record in records if record.state is State.COMPLETE]
        if not found:
            raise ZenMLError(f"pipeline {self.name!r} has no complete run yet", mend="Run it: pipeline.run()")
        return found

    def _schema_file(self, root: Path) -> Path:
        source = next((step for step in self._steps.values() if isinstance(step, Datasource)), None)
        if source is None:
            raise ZenMLError(f"pipeline {self.name!r} has no datasource", mend="Add one: pipeline.add_datasource(…)")
        return root / "schemas" / f"{source.name}.yaml"


def _examples(run: Run) -> list[Output]:
    """Return the examples that a run gave, the datasource's own first."""
    found = [output for step in run.steps.values() for output in step.outputs.values() if output.type == "Examples"]
    if not found:
        raise ZenMLError(f"run {run.id} has no examples")
    return found


def _data(run: Run) -> TableStatistics:
    """Return the statistics of the rows that the datasource of a run gave."""
    from zenml.data.snapshot import Snapshot
    from zenml.datasources.base import SPLIT

    return Snapshot.of(run.store.open(_examples(run)[0].uri)).statistics(SPLIT)
