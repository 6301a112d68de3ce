from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.answers import is_error, message_of
from zenml.data.shards import ShardJob, fold_order
from zenml.errors import ConfigError, DataError, ZenMLError
from zenml.pipelines import DataPipeline
from zenml_beam.backend import ProcessingBeamBackend
from zenml_beam.runners import RUNNERS

OPS = "zenml.testing.shard_ops"


def job(op: str, shards: list[dict[str, object]], out: Path) -> ShardJob:
    return ShardJob(f"{OPS}:{op}", tuple(shards), str(out), {"scale": 1.0}, "a job")


@pytest.mark.parametrize(
    ("runner", "said"),
    [
        ("FnApRunner", "there is no Beam runner 'FnApRunner'. Did you mean FnApiRunner?"),
        ("nothing like it", "Known: BundleBasedDirectRunner, DataflowRunner, "),
        ("DirectRunner", "may download a program for it. Use FnApiRunner"),
        ("apache_beam.runners.direct.direct_runner.SwitchingDirectRunner", "may download a program for it"),
    ],
)
def test_a_runner_is_named_rightly_or_refused(runner: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ProcessingBeamBackend(runner=runner)
    assert said in str(caught.value)
    assert str(caught.value).startswith("ProcessingBeamBackend.runner: ")


def test_short_names_stand_for_classes_of_their_name() -> None:
    assert all(path.rpartition(".")[2] == name for name, path in RUNNERS.items())


@pytest.mark.parametrize(
    ("runner", "said"),
    [("no_such_package.Runner", "No module named 'no_such_package'"), ("pathlib.Path", "not a class derived from")],
)
def test_a_class_that_is_no_runner_is_told_before_anything_runs(runner: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        ProcessingBeamBackend(runner=runner).map(job("Arrays", [{"number": 1}], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_all_wrong_options_are_told_before_anything_runs(tmp_path: Path) -> None:
    options = {"direct_num_wokers": 2, "direct_running_mode": "fast", "direct_num_workers": "many", "runner": "X"}
    backend = ProcessingBeamBackend(pipeline_options=options)
    with pytest.raises(ConfigError) as caught:
        backend.map(job("Arrays", [{"number": 1}], tmp_path / "out"))
    said = [str(problem).removeprefix("ProcessingBeamBackend.pipeline_options.") for problem in caught.value.problems]
    assert said[0] == "direct_num_wokers: Beam has no such option. Did you mean direct_num_workers?"
    assert said[1].startswith("direct_running_mode: invalid choice: 'fast'")
    assert said[2] == "direct_num_workers: invalid int value: 'many'"
    assert said[3].startswith("runner: Beam has no such option")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"direct_num_workers": 2, "direct_running_mode": "multi_threading"},
        {"streaming": False, "labels": ["a=b", "c=d"], "save_main_session": True},
    ],
)
def test_options_of_every_json_type_are_taken(options: dict[str, object]) -> None:
    assert list(ProcessingBeamBackend(pipeline_options=options).check()) == []


def test_a_pipeline_with_a_wrong_option_does_not_start(project: Path) -> None:
    from zenml.datasources import CSVDatasource

    (project / "a.csv").write_text("a\n1\n")
    backend = ProcessingBeamBackend(pipeline_options={"streeming": True})
    pipeline = DataPipeline(name="On Beam")
    pipeline.add_datasource(CSVDatasource(name="a", path="a.csv").with_backend(backend))
    with pytest.raises(ZenMLError, match=r"step data: .*\.streeming: .*Did you mean streaming\?"):
        pipeline.run()


def test_a_failure_of_beam_is_told_with_the_runner_and_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    def fail(*_: object) -> None:
        raise RuntimeError("no cluster answers")

    monkeypatch.setattr(FnApiRunner, "run_pipeline", fail)
    with pytest.raises(ZenMLError, match=r"a job: Beam's FnApiRunner failed: .*no cluster answers") as caught:
        ProcessingBeamBackend().map(job("Arrays", [{"number": 1}], tmp_path / "out"))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_pipeline_that_ends_otherwise_than_done_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from apache_beam.runners.portability.fn_api_runner.fn_runner import RunnerResult

    monkeypatch.setattr(RunnerResult, "wait_until_finish", lambda *_: "CANCELLED")
    with pytest.raises(ZenMLError, match="the pipeline ended as CANCELLED"):
        ProcessingBeamBackend().map(job("Arrays", [{"number": 1}], tmp_path / "out"))


def test_shards_after_an_error_are_left(tmp_path: Path) -> None:
    shards: list[dict[str, object]] = [{"raise": "data"}, *[{}] * 30]
    with pytest.raises(DataError):
        ProcessingBeamBackend().map(job("Raise", shards, tmp_path / "out"))

    from zenml_beam.work import WorkOnShards

    answers = tmp_path / "answers"
    answers.mkdir()
    worker = WorkOnShards(job("Raise", shards, tmp_path / "out").to_json(), sys.path, str(answers))
    worker.setup()
    for number in range(len(shards)):
        assert list(worker.process(number)) == []
    assert sorted(path.name for path in answers.iterdir()) == ["00000000", "stop"]
    answer = (answers / "00000000").read_bytes()
    assert is_error(answer)
    with pytest.raises(DataError):
        message_of(answer)


def test_a_worker_left_behind_writes_nothing(tmp_path: Path) -> None:
    from zenml_beam.work import WorkOnShards

    worker = WorkOnShards(job("Arrays", [{"number": 1}], tmp_path / "out").to_json(), (), str(tmp_path / "gone"))
    worker.setup()
    assert list(worker.process(0)) == []
    assert list(tmp_path.iterdir()) == []


def test_other_processes_of_this_machine_work_on_shards(tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        "from zenml.backends.processing import ProcessingBeamBackend\n"
        "from zenml.data.shards import ShardJob, encode_state, fold_order\n"
        'options = {"direct_num_workers": 2, "direct_running_mode": "multi_processing"}\n'
        f"job = ShardJob.from_json({job('Arrays', [{'number': n} for n in range(5)], tmp_path / 'out').to_json()!r})\n"
        "states = fold_order(job, ProcessingBeamBackend(pipeline_options=options).map(job))\n"
        "print([state['number'] for state in states], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[0, 1, 2, 3, 4]" in done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_importing_beam_leaves_logging_as_it_was() -> None:
    script = (
        "import logging\n"
        "from zenml_beam.quiet import import_beam\n"
        "assert import_beam().Pipeline\n"
        "root = logging.getLogger()\n"
        "assert (root.handlers, root.filters) == ([], [])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert logging.getLogger()


def test_the_class_is_made_without_importing_beam() -> None:
    script = (
        "import sys\n"
        "from zenml.backends.processing import ProcessingBeamBackend\n"
        "assert list(ProcessingBeamBackend().check()) == []\n"
        "assert 'apache_beam' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_two_jobs_at_once_do_not_mix_their_answers(tmp_path: Path) -> None:
    found: dict[int, list[int]] = {}

    def work(number: int) -> None:
        mine = job("Arrays", [{"number": number}] * 5, tmp_path / "out")
        found[number] = [state["number"] for state in fold_order(mine, ProcessingBeamBackend().map(mine))]

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1: [1] * 5, 2: [2] * 5}


def test_a_spec_names_the_engine() -> None:
    backend = ProcessingBeamBackend(runner="FlinkRunner", pipeline_options={"parallelism": 4})
    config = {"runner": "FlinkRunner", "pipeline_options": {"parallelism": 4}}
    assert backend.to_config() == {"type": "ProcessingBeamBackend", "config": config}
    assert ProcessingBackend.from_config({"type": "ProcessingBeamBackend"}) == ProcessingBeamBackend()
