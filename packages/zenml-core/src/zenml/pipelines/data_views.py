"""DataViews: what a pipeline shows of the data that it read, and of the models that it measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.config.repository import current_root
from zenml.datasources.base import Datasource
from zenml.errors import DataError, ZenMLError
from zenml.metadata.records import RunRecord, State, StepRecord
from zenml.runtime.run import Output, Run
from zenml.spec.model import RunSpec
from zenml.steps.base import Step

if TYPE_CHECKING:
    from zenml.data.anomalies import Anomaly, Limits
    from zenml.data.pinned_schema import PinnedSchema
    from zenml.data.statistics import TableStatistics
    from zenml.reports.evaluation import EvaluationPage
    from zenml.reports.page import Page

_MOST_EARLIER = 200
"""How many complete runs are looked at for the best earlier model."""


class DataViews:
    """The methods of a pipeline that look at the data and the models of its runs."""

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

    def evaluate(self, run: str | Run | None = None, *, path: str | Path | None = None) -> EvaluationPage:
        """Write an HTML page that shows how good a model is and where it fails, beside the best earlier model.

        Args:
            run: a run of this pipeline, or its id; by default the newest one with an evaluation, also where that was
                not good enough.
            path: the file to write; by default one below `.zenml/reports/`.

        Returns:
            The page, which shows itself in a notebook; `page.open()` shows it in a browser, and `page.metrics` are
            those of the run.

        Raises:
            ZenMLError: no run has an evaluation, or not the one that is asked for.
            DataError: the evaluation is damaged, or of another version of ZenML.
        """
        from zenml.reports.evaluation import evaluation_page, has_measures, measured_model
        from zenml.reports.evaluation.best_earlier import best_earlier

        root = current_root()
        asked = run.id if isinstance(run, Run) else run
        found, older = self._evaluated(root, asked)
        recorded = {step.id: step for step in found.record.steps if _evaluation(step)}
        folders = {name: found.steps[name].outputs[_evaluation(step)].path for name, step in recorded.items()}
        models = {name: measured_model(folder) for name, folder in folders.items() if has_measures(folder)}
        if not models:
            raise ZenMLError(f"the evaluation of run {found.id} was not made by an evaluator of ZenML")
        earlier = {name: best_earlier(older, recorded[name], model.primary) for name, model in models.items()}
        page = evaluation_page(
            f"{self.name}: evaluation",
            models,
            subtitle=f"run {found.id}, {found.state}",
            earlier=earlier,
            histories={name: step.history for name, step in found.steps.items()},
        )
        return page.write(path or root / ".zenml" / "reports" / f"{found.id}-evaluation.html")

    def _evaluated(self, root: Path, asked: str | None) -> tuple[Run, list[RunRecord]]:
        """Return the run with an evaluation to show, and the newest complete ones before it."""
        found = [run for run in self._all_runs(root) if asked is None or run.id <= asked]
        shown = next((run for run in found if any(map(_evaluation, run.record.steps)) or run.id == asked), None)
        if shown is None or asked not in (None, shown.id) or not any(map(_evaluation, shown.record.steps)):
            which = f"run {asked}" if asked else "no run"
            what = f"{which} of pipeline {self.name!r} {'has no evaluation' if asked else 'has an evaluation yet'}"
            raise ZenMLError(what, mend="Add an evaluator, and run it: pipeline.add_evaluator(…)")
        before = (run.record for run in found if run.id < shown.id)
        return shown, list(islice((record for record in before if record.state is State.COMPLETE), _MOST_EARLIER))

    def _runs(self, root: Path) -> list[Run]:
        """Return the complete runs of this pipeline, newest first, at least one."""
        found = self._all_runs(root, lambda record: record.state is State.COMPLETE)
        if not found:
            raise ZenMLError(f"pipeline {self.name!r} has no complete run yet", mend="Run it: pipeline.run()")
        return found

    def _all_runs(self, root: Path, wanted: Callable[[RunRecord], bool] = lambda _: True) -> list[Run]:
        """Return the runs of this pipeline whose records are wanted, newest first."""
        from zenml.config.run_stores import RunStores
        from zenml.config.settings import metadata_store

        metadata = metadata_store(root, self.run_defaults.metadata_store)
        stores = RunStores(root, self.run_defaults.artifact_store)
        return [Run(row.id, metadata, stores.of(row)) for row in metadata.list_runs(pipeline=self.name) if wanted(row)]

    def _schema_file(self, root: Path) -> Path:
        source = next((step for step in self._steps.values() if isinstance(step, Datasource)), None)
        if source is None:
            raise ZenMLError(f"pipeline {self.name!r} has no datasource", mend="Add one: pipeline.add_datasource(…)")
        return root / "schemas" / f"{source.name}.yaml"


def _evaluation(step: StepRecord) -> str:
    """Return the name of the step's output that is an evaluation; empty where it has none."""
    return next((row.name for row in step.outputs if row.type == "Evaluation"), "")


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
