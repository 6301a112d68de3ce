from __future__ import annotations

import math
import sys
from html.parser import HTMLParser

import pytest

from zenml.errors import PluginError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord
from zenml.reports import Comparison
from zenml.reports.comparison import short_text, value_text

SPEC = """zenml: 1
name: {name}
seed: 1729
steps:
- id: data
  type: CSVDatasource
  config: {{name: Pima, path: data.csv}}
- id: trainer
  type: SklearnTrainer
  config: {{estimator: Ridge, parameters: {{alpha: {alpha}, note: "<b>&"}}{more}}}
  backend: {{type: TrainingBaseBackend}}
"""


def record(
    number: int = 0,
    *,
    name: str = "Pima",
    alpha: float = 1.0,
    metrics: dict[str, float] | None = None,
    more: str = "",
    digest: str = "ab",
    state: State = State.COMPLETE,
    sha: str = "1" * 40,
    spec: str = SPEC,
) -> RunRecord:
    examples = ArtifactRecord("examples", "Examples", f"/store/{digest}", f"sha256:{digest * 32}")
    steps = (
        StepRecord("data", "CSVDatasource", state, outputs=(examples,)),
        StepRecord("trainer", "SklearnTrainer", state, inputs=(examples,), metrics=metrics or {}),
    )
    text = spec.format(name=name, alpha=alpha, more=more)
    facts = {"git_sha": sha, "git_dirty": "no", "python": "3.12.1", "host": "nowhere"}
    began = 1_700_000_000.0 + number
    return RunRecord(f"r{number:019d}", name, text, this_owner(), state, began, began + 65.5, "", facts, steps)


class Cells(HTMLParser):
    """Collects the tags of a page and its texts, to see that it is well formed and holds what it should."""

    VOID = ("meta", "input")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.counts: dict[str, int] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] in ("td", "th", "wbr") and self.open[-1] != tag:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_only_what_differs_is_told_to_differ() -> None:
    runs = Comparison([record(2, alpha=0.5, metrics={"rmse": 2.0}), record(1, metrics={"rmse": 3.0})])
    assert runs.differing == ("trainer.parameters.alpha",)
    assert runs.values("trainer.parameters.alpha") == [0.5, 1.0]
    assert runs.values("trainer.parameters.note") == ["<b>&", "<b>&"]
    assert {"seed", "data.type", "data.path", "data.examples", "code.commit", "trainer.backend"} <= set(runs.parameters)
    assert runs[0].id == record(2).id
    assert runs[0].duration == 65.5
    assert len(runs) == 2


def test_data_code_and_what_only_some_were_given_count() -> None:
    runs = Comparison([record(3, digest="cd"), record(2, sha="2" * 40), record(1, more=", fit_intercept: false")])
    assert runs.differing == ("data.examples", "code.commit", "trainer.fit_intercept")
    assert runs.values("trainer.fit_intercept") == [None, None, False]


def test_the_best_is_the_lowest_of_losses_and_the_highest_of_others() -> None:
    low, high = {"auc": 0.1, "log_loss": 0.1, "y/rmse": 1.0}, {"auc": 0.9, "log_loss": 0.9, "y/rmse": math.nan}
    runs = Comparison([record(2, metrics=high), record(1, metrics=low)])
    assert runs.metrics == ("auc", "log_loss", "y/rmse")
    found = {name: best.id for name in runs.metrics if (best := runs.best(name))}
    assert found == {"auc": record(2).id, "log_loss": record(1).id, "y/rmse": record(1).id}
    assert runs.best("nothing") is None


def test_a_spec_that_cannot_be_read_any_more_leaves_the_metrics() -> None:
    runs = Comparison([record(1, spec="zenml: 99\nname: {name}\n", metrics={"auc": 0.5})])
    assert runs[0].metrics == {"auc": 0.5}
    assert "seed" not in runs.parameters


def test_a_lost_run_and_one_that_goes_on_are_shown_as_such() -> None:
    gone = RunRecord("r1", "Pima", SPEC.format(name="Pima", alpha=1, more=""), Owner(this_owner().host, 1 << 23, 0.0))
    lost = Comparison([RunRecord(**{**vars(gone), "state": State.RUNNING, "started": 5.0})])[0]
    assert (lost.state, lost.duration) == ("LOST", None)
    assert Comparison([gone])[0].to_json()["started"] is None


def test_it_is_json_and_text() -> None:
    runs = Comparison([record(2, alpha=0.5, metrics={"rmse": 2.0}), record(1)])
    row = runs.to_json()
    assert row["best"] == {"rmse": record(2).id}
    assert row["differing"] == ["trainer.parameters.alpha"]
    assert row["runs"][0]["started"] == "2023-11-14T22:13:22+00:00"
    lines = repr(runs).splitlines()
    assert lines[0].split() == ["Run", "Pipeline", "State", "Rmse", "trainer.parameters.alpha"]
    assert lines[1].split() == [record(2).id, "Pima", "COMPLETE", "2.0000", "0.5"]
    assert repr(Comparison([])) == "no run to compare"
    assert runs._repr_html_().startswith("<iframe")


def test_what_does_not_fit_is_named_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    Comparison([record(2, metrics={f"metric_number_{n}": 0.5 for n in range(9)})]).print()
    shown = capsys.readouterr().out
    assert "Further columns (see --json): metric_number_" in shown
    Comparison([]).print()
    assert "No run to compare" in capsys.readouterr().out


def test_it_is_a_data_frame_where_pandas_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    runs = Comparison([record(2, alpha=0.5, metrics={"rmse": 2.0}), record(1)])
    frame = runs.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.index) == [record(2).id, record(1).id]
    assert list(frame["trainer.parameters.alpha"]) == [0.5, 1.0]
    assert frame["metrics.rmse"].isna().tolist() == [False, True]
    assert Comparison([]).to_pandas().empty
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PluginError, match="pip install pandas"):
        runs.to_pandas()


def test_values_are_shortened_where_they_must_be() -> None:
    assert value_text({"b": 1, "a": "ü"}) == '{"a": "ü", "b": 1}'
    assert [value_text(value) for value in (None, "text", 1.5, True)] == ["", "text", "1.5", "true"]
    assert short_text("sha256:" + "ab" * 32) == "abababababab"
    assert short_text("x" * 24) == "x" * 24
    assert short_text("x" * 25) == "x" * 23 + "…"


@pytest.mark.parametrize("count", [0, 1, 2, 7, 200])
def test_a_page_shows_every_run_and_refers_to_nothing_outside(count: int) -> None:
    states = [State.FAILED if n % 9 == 4 else State.COMPLETE for n in range(count)]
    records = [
        record(n, name=f"Pima {n % 5}", alpha=n / 10, state=states[n], metrics={"auc": n / 400, "rmse": -0.5 + n})
        for n in reversed(range(count))
    ]
    html = Comparison(records).page("All <runs>").html
    page = Cells(html)
    assert page.open == []
    assert all(page.texts.count(row.id) >= 1 for row in records)
    assert "All <runs>" in page.texts
    assert "http" not in html.replace("http-equiv", "")
    assert page.counts.get("circle", 0) == (2 * count if count > 6 else 0)
    assert ("and 194 more" in page.texts) == (count == 200)


def test_values_on_a_page_are_escaped() -> None:
    html = (
        Comparison([record(2, name="Pima"), record(1, name="Pima", more=', solver: "<script>x</script>"')]).page().html
    )
    assert "<script>x" not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html


def test_alike_runs_and_a_single_one_are_told_as_such() -> None:
    assert "The runs were given the same." in Comparison([record(2), record(1)]).page().html
    assert "nothing to compare with" in Comparison([record(1)]).page().html
