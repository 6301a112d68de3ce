"""Each mistake gets one clear error, and nothing is recorded as done."""

from __future__ import annotations

from pathlib import Path

import pytest

from zenml.errors import ConfigError, PluginError, RunFailed, SpecError, ZenMLError
from zenml.pipelines import TrainingPipeline
from zenml.repo import Repository

HEADER = "times_pregnant,pgc,dbp,tst,bmi,pedigree,age,has_diabetes\n"
ROW = "5,86,68,28,30.2,0.364,24,{}\n"


def rows(labels: str = "01" * 30) -> str:
    return HEADER + "".join(ROW.format(label if label != "_" else "") for label in labels)


def run_on(project: Path, text: str | bytes, **parts: object) -> None:
    from quickstart_for_tests import quickstart

    (project / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    quickstart("t.csv", **parts).run()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        (HEADER, "a header and no row"),
        (HEADER.replace("bmi", "dbp") + ROW.format(1), "dbp"),
        (rows() + "5,86,68\n", r"row 61.*(3|8)"),
        (rows("01" * 2000) + ROW.format(0).replace("86", "many"), r"row 4001.*pgc.*many|pgc.*row 4001.*many"),
        (rows("_" * 60), "has_diabetes.*(no value|without)"),
        (rows("1" * 60), "has_diabetes.*(one class|single|only one)"),
        (b"\xff\xfe" + rows().encode(), "UTF-16"),
    ],
)
def test_bad_data_fails_the_run_with_its_place(project: Path, text: str | bytes, expected: str) -> None:
    with pytest.raises(RunFailed, match=expected):
        run_on(project, text)
    (run,) = Repository.get_instance().get_runs()
    assert run.state == "FAILED"
    assert not list((project / ".zenml/artifacts").rglob("Model/*"))


def test_a_feature_and_a_label_that_are_not_in_the_data_are_told_together(project: Path) -> None:
    from zenml.steps.preprocesser import StandardPreprocesser

    wrong = StandardPreprocesser(features=["pgcc", "bmi"], labels=["has_diabtes"])
    with pytest.raises(RunFailed, match=r"(?s)pgcc.*Did you mean pgc\?.*has_diabtes.*Did you mean has_diabetes\?"):
        run_on(project, rows(), preprocesser=wrong, evaluator=None)


def test_a_file_that_does_not_exist(project: Path) -> None:
    from quickstart_for_tests import quickstart

    with pytest.raises(ZenMLError, match=r"nowhere\.csv"):
        quickstart("nowhere.csv").run()
    assert not any(run.state == "COMPLETE" for run in Repository.get_instance().get_runs())


@pytest.mark.parametrize(
    ("split_map", "expected"),
    [({"train": 0.9, "eval": 0.5}, r"1\.4"), ({"train": 1.5, "eval": -0.5}, "eval"), ({}, "split_map")],
)
def test_a_split_map_that_makes_no_sense(split_map: dict[str, float], expected: str) -> None:
    from zenml.steps.split import RandomSplit

    with pytest.raises(ConfigError, match=expected):
        RandomSplit(split_map=split_map)


def test_a_pipeline_without_datasource_and_trainer(project: Path) -> None:
    from zenml.steps.split import NoSplit

    with pytest.raises(SpecError, match=r"needs a datasource(.|\n)*needs a trainer"):
        TrainingPipeline(name="Empty").run()
    with pytest.raises(SpecError, match="no step before it gives Examples"):
        TrainingPipeline(name="Split only").add_split(NoSplit()).run()
    assert not Repository.get_instance().get_runs()


def test_unknown_names_end_with_the_closest_one(project: Path) -> None:
    from quickstart_for_tests import quickstart

    from zenml.steps.evaluator import TFMAEvaluator
    from zenml.steps.preprocesser import StandardPreprocesser
    from zenml.steps.trainer import SklearnTrainer

    with pytest.raises(ConfigError, match=r"scale_to_zscore.*scale_to_z_score"):
        StandardPreprocesser(labels=["y"], overwrite={"bmi": {"transform": [{"method": "scale_to_zscore"}]}})
    (project / "t.csv").write_text(rows())
    with pytest.raises(SpecError, match=r"acuracy.*accuracy"):
        quickstart("t.csv", evaluator=TFMAEvaluator(metrics={"has_diabetes": ["acuracy"]})).run()
    with pytest.raises(ConfigError, match=r"LogisticRegresion.*LogisticRegression"):
        quickstart("t.csv", trainer=SklearnTrainer(estimator="LogisticRegresion")).run()
    with pytest.raises(ImportError, match=r"SklearnTrainer"):
        from zenml.steps.trainer import SklernTrainer  # noqa: F401 - it is misspelt on purpose
    with pytest.raises(ConfigError, match=r"split_map"):
        __import__("zenml.steps.split", fromlist=["RandomSplit"]).RandomSplit(splt_map={"train": 1.0})


def test_a_step_class_that_cannot_be_imported(project: Path) -> None:
    from zenml.steps.base import Step

    with pytest.raises(PluginError, match=r"my_steps_that_are_not_there"):
        Step.from_config({"type": "my_steps_that_are_not_there:Clean", "config": {}})


def test_a_dot_zenml_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".zenml").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"\.zenml is not a folder"):
        Repository.get_instance()
    with pytest.raises(ConfigError, match=r"\.zenml is not a folder"):
        Repository.init(tmp_path)
