"""A step pinned to a commit is what it was there: its class, its helpers, its declarations and its fingerprint."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from zenml.backends.orchestrator import OrchestratorBaseBackend, OrchestratorSubprocessBackend
from zenml.cli.main import run as run_command
from zenml.errors import ConfigError, PluginError, RunFailed, SpecError
from zenml.pipelines import Pipeline
from zenml.repo import Repository
from zenml.runtime import code_digest, pins
from zenml.runtime.graph import build_graph
from zenml.runtime.run import Run
from zenml.steps.split import NoSplit

STEP = '''
from __future__ import annotations
from collections.abc import Mapping
from typing import ClassVar
from zenml.artifacts.types import Artifact, Evaluation
from zenml.steps.base import Step, StepContext
from words.helper import decorate
from fractions import Fraction

class Say(Step):
    """Writes a word."""

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"note": Evaluation}

    word: str = "hello"

    def run(self, context: StepContext) -> None:
        text = decorate(self.word)
        print(f"said {text}")
        (context.outputs["note"].path / "note.txt").write_text(text)
        context.outputs["note"].properties["length"] = len(text)
        context.metrics["length"] = Fraction(len(text))
'''
HELPER = 'def decorate(word: str) -> str:\n    return f"<{word}>"\n'
LATER = STEP.replace("word: str", "text: str").replace("self.word", "self.text")


def git(folder: Path, *words: str) -> str:
    """Run git; return what it says."""
    user = ("-c", "user.name=n", "-c", "user.email=e@example.com")
    done = subprocess.run(["git", "-C", str(folder), *user, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """Commit modules of the package `words`; return the commit."""
    (folder / "words").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "words" / f"{name}.py").write_text(text)
    git(folder, "add", "words")
    git(folder, "commit", "-q", "--allow-empty", "-m", "Change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def first(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The first commit of the repository."""
    monkeypatch.syspath_prepend(project)
    git(project, "init", "-q")
    return commit(project, __init__="", say=STEP, helper=HELPER)


def pipeline(type_: str, tmp: Path, **config: object) -> Pipeline:
    """Return a pipeline of one step, read from YAML."""
    lines = ["zenml: 1", "type: Pipeline", "name: Words", "steps:", "- id: say", f"  type: {type_}"]
    lines += ["  config:", *(f"    {name}: {value}" for name, value in config.items())] if config else []
    (tmp / "words.yaml").write_text("\n".join(lines) + "\n")
    return Pipeline.from_yaml(tmp / "words.yaml")


def said(run: Run) -> str:
    """Return what the step wrote."""
    return (run.steps["say"].outputs["note"].path / "note.txt").read_text()


def problems(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the problems that were printed as JSON."""
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["problems"]
    return found


def test_it_runs_the_code_of_its_commit(project: Path, first: str) -> None:
    commit(project, say=LATER, helper='def decorate(word: str) -> str:\n    return "later"\n')
    run = pipeline(f"words.say:Say@{first[:9]}", project, word="old").run()
    assert said(run) == "<old>"
    assert run.record.steps[0].type == f"words.say:Say@{first}"
    assert run.logs("say") == "said <old>\n"
    assert run.metrics == {"length": 5.0}
    assert "words" not in sys.modules


def test_it_has_the_fingerprint_of_the_unpinned_step_at_its_commit(project: Path, first: str) -> None:
    pinned = pipeline(f"words.say:Say@{first}", project, word="old")
    assert pinned.plan()["say"].action == "run"
    unpinned = pipeline("words.say:Say", project, word="old").run()
    run = pinned.run()
    assert str(run.steps["say"].state) == "CACHED"
    assert run.record.steps[0].fingerprint == unpinned.record.steps[0].fingerprint
    commit(project, say=LATER)
    (project / "words/helper.py").write_text("this is no Python")
    assert pinned.plan()["say"].action == "cached"
    assert str(pinned.run().steps["say"].state) == "CACHED"


def test_python_and_yaml_name_the_commit_alike(project: Path, first: str) -> None:
    from words.say import Say  # type: ignore[import-not-found] # it is written above

    made = Pipeline(name="Words").add_step(Say(word="x").with_version(first[:10]).with_retry(2))
    text = made.to_yaml(project / "words.yaml")
    assert f"type: words.say:Say@{first}\n" in text
    read = Pipeline.from_yaml(project / "words.yaml")
    assert read == made
    assert read.to_yaml() == text
    assert read.copy("Words").to_yaml() == text
    run = read.run()
    assert Pipeline.from_run(run) == made
    assert said(run) == "<x>"
    assert made.run().record.steps[0].type == f"words.say:Say@{first}"


def test_its_declarations_are_those_of_its_commit(project: Path, first: str) -> None:
    from words.say import Say

    commit(project, say=LATER.replace('{"note": Evaluation}', '{"other": Evaluation}'))
    repeat = STEP.replace("class Say", "class Again").replace(
        "    outputs:", '    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"before": Evaluation}\n    outputs:'
    )
    second = commit(project, again=repeat)
    made = Pipeline(name="Words").add_step(Say().with_version(first)).to_spec()
    (project / "words.yaml").write_text(
        f"zenml: 1\ntype: Pipeline\nname: Words\nsteps:\n- id: say\n  type: {made.steps[0].type}\n"
        f"- id: again\n  type: words.again:Again@{second}\n"
    )
    read = Pipeline.from_yaml(project / "words.yaml")
    assert read.to_spec().steps[1].inputs == {"before": "say.note"}
    assert str(read.run().state) == "COMPLETE"


@pytest.mark.parametrize("parallel_steps", [1, 2])
def test_two_versions_of_a_module_run_in_one_pipeline(project: Path, first: str, parallel_steps: int) -> None:
    second = commit(project, helper=HELPER.replace("<{word}>", "({word})"))
    (project / "words.yaml").write_text(
        "zenml: 1\ntype: Pipeline\nname: Words\nsteps:\n"
        f"- id: say\n  type: words.say:Say@{first}\n- id: other\n  type: words.say:Say@{second}\n"
        "- id: here\n  type: words.say:Say\n"
    )
    (project / "words/helper.py").write_text(HELPER.replace("<{word}>", "[{word}]"))
    run = Pipeline.from_yaml(project / "words.yaml").run(OrchestratorBaseBackend(parallel_steps=parallel_steps))
    texts = [(step.outputs["note"].path / "note.txt").read_text() for step in run.steps.values()]
    assert texts == ["<hello>", "(hello)", "[hello]"]
    assert run.logs("other") == "said (hello)\n"


def test_all_that_is_wrong_is_told_at_once_before_anything_runs(
    project: Path, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = commit(
        project,
        broken="import not_there_at_all\nclass Say: pass\n",
        plain="class Say: pass\n",
        ends="import os\nos._exit(7)\n",
    )
    steps = {
        "unknown": "words.say:Say@0123456",
        "module": f"words.sayy:Say@{first}",
        "class": f"words.say:Sai@{first}",
        "builtin": f"NoSplit@{first}",
        "ends": f"words.ends:Say@{broken}",
        "broken": f"words.broken:Say@{broken[:8]}",
        "plain": f"words.plain:Say@{broken[:8]}",
        "abstract": f"words.say:Step@{first}",
        "installed": f"yaml.loader:Loader@{first}",
        "config": f"words.say:Say@{first}\n  config: {{wordd: x}}",
        "unpinned": "words.say:Nothing",
    }
    blocks = "".join(f"- id: {name}\n  type: {text}\n" for name, text in steps.items())
    (project / "words.yaml").write_text(f"zenml: 1\ntype: Pipeline\nname: Words\nsteps:\n{blocks}")
    assert run_command(["pipeline", "validate", "words.yaml", "--json"]) == 2
    found = {row["where"].partition("step ")[2].partition(":")[0]: row for row in problems(capsys)}
    at = f"at commit {first[:12]}"
    told = {name: f"{row['what']}. {row['mend']}" for name, row in found.items()}
    assert list(told) == list(steps)
    assert told["unknown"] == "there is no commit 0123456 in this repository. Fetch it: git fetch"
    assert told["module"] == f"there is no module words.sayy {at}. Did you mean words.say?"
    assert told["class"] == "words.say has no Sai. Did you mean Say?"
    assert found["class"]["where"].endswith(at)
    assert "only a class of your own" in told["builtin"]
    assert told["ends"] == "the process of the pinned step ended with exit code 7. "
    assert told["broken"].startswith("words.broken imports not_there_at_all, which is not installed")
    assert told["plain"].startswith("words.plain:Say is not a Step")
    assert "words.say:Step" in found["abstract"]["where"]
    assert told["installed"].startswith(f"there is no module yaml.loader {at}")
    assert told["config"] == "unknown parameter. Did you mean word?"
    assert found["config"]["where"] == f"words.yaml:23: step config: Say.wordd {at}"
    assert not (project / ".zenml/metadata.db").exists()


def test_what_is_wrong_in_python_is_told_with_the_step(project: Path, first: str) -> None:
    from words.say import Say

    made = Pipeline(name="Words").add_step(Say().with_version("0123456"), id="a")
    made.add_step(Say().with_version(first)).add_step(Say(word="x").with_version("abcdef1"), id="b")
    with pytest.raises(SpecError, match=r"(?s)step a: .*there is no commit 0123456.*step b: .*no commit abcdef1"):
        made.run()
    with pytest.raises(SpecError, match="only a class of your own"):
        NoSplit().with_version(first)

    class Local(Say):  # type: ignore[misc] # it is not known here
        """A step of this function."""

    with pytest.raises(ConfigError, match="defined inside a function"):
        Local().with_version(first)


def test_a_commit_means_nothing_without_a_repository(project: Path, first: str) -> None:
    spec = pipeline(f"words.say:Say@{first}", project).to_spec()
    with pytest.raises(SpecError, match=r"step say: .*no repository is at hand"):
        build_graph(spec)


def test_a_helper_that_the_commit_lacks_is_not_taken_from_the_working_tree(project: Path, first: str) -> None:
    second = commit(project, say=STEP.replace("from words.helper", "from elsewhere_now"))
    (project / "elsewhere_now.py").write_text(HELPER)
    with pytest.raises(PluginError, match="imports elsewhere_now, which is not installed"):
        pipeline(f"words.say:Say@{second}", project)
    third = commit(
        project,
        say=STEP.replace("from words.helper", f"import sys\nsys.path.append({str(project)!r})\nfrom elsewhere_now"),
    )
    with pytest.raises(SpecError, match=f"imports elsewhere_now, which is not at commit {third[:12]}"):
        pipeline(f"words.say:Say@{third}", project)


BUG = STEP.replace("print(", "Path('tries').open('a').write('x'); {what}\n        print(").replace(
    "from words", "import os, signal\nfrom pathlib import Path\nfrom words"
)


@pytest.mark.parametrize(
    ("what", "told", "tries"),
    [
        ("raise ZeroDivisionError('a bug')", r"step say: .*/words/say.py:\d+: ZeroDivisionError: a bug", 2),
        ("raise OSError(5, 'a flaky disk')", "flaky disk|Input/output error", 2),
        ("os.kill(os.getpid(), 9)", "the process of the pinned step was ended by SIGKILL", 2),
        ("os._exit(3)", "the process of the pinned step ended with exit code 3", 2),
        ("from zenml.errors import DataError; raise DataError('bad rows')", "step say: bad rows", 1),
    ],
)
def test_a_failure_is_told_and_tried_again_like_any_other(
    project: Path, first: str, what: str, told: str, tries: int
) -> None:
    name = commit(project, say=BUG.replace("{what}", what))
    made = pipeline(f"words.say:Say@{name}", project)
    made.steps["say"].with_retry(1, delay=0)
    with pytest.raises(RunFailed, match=told):
        made.run()
    assert (project / "tries").read_text() == "x" * tries
    (run,) = Repository.get_instance().get_runs()
    assert run.state == "FAILED"
    if "bug" in what:
        assert "Traceback" in run.logs("say")
        assert f"{name}/words/say.py" in run.logs("say")


def test_an_interrupt_in_it_cancels_the_run(project: Path, first: str) -> None:
    name = commit(project, say=BUG.replace("{what}", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        pipeline(f"words.say:Say@{name}", project).run()
    (run,) = Repository.get_instance().get_runs()
    assert run.state == "CANCELED"


def test_a_run_goes_on_whatever_became_of_the_working_tree(
    project: Path, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "flaky.py").write_text(
        "import os\nfrom words.say import Say\n\nclass Flaky(Say):\n    def run(self, context):\n"
        "        if not os.path.exists('mended'):\n            raise OSError(5, 'a flaky disk')\n"
        "        super().run(context)\n"
    )
    (project / "words.yaml").write_text(
        "zenml: 1\ntype: Pipeline\nname: Words\nsteps:\n"
        f"- id: say\n  type: words.say:Say@{first}\n- id: flaky\n  type: flaky:Flaky\n"
    )
    made = Pipeline.from_yaml(project / "words.yaml")
    with pytest.raises(RunFailed):
        made.run()
    (run,) = Repository.get_instance().get_runs()
    (project / "mended").touch()
    (project / "words/extra.py").touch()
    assert str(made.run(resume=run).state) == "COMPLETE"
    code_digest.code_of.cache_clear()
    with (project / "words/helper.py").open("a") as file:
        file.write("# changed\n")
    capsys.readouterr()
    assert run_command(["run", "reproduce", run.id, "--compare", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["differences"]
    assert [row["now"] for row in found if row["what"].startswith("step ")] == ["the code of words.helper changed"]
    assert {row["what"] for row in found if row["what"].startswith("step ")} == {"step flaky"}


def test_what_a_user_may_change_it_by_is_asked_again(project: Path, first: str) -> None:
    reads = STEP.replace(
        "    def run(",
        "    def fingerprint_config(self):\n        return {'file': open('words.txt').read()}\n\n    def run(",
    )
    name = commit(project, say=reads)
    (project / "words.txt").write_text("one")
    made = pipeline(f"words.say:Say@{name}", project)
    made.run()
    assert made.plan()["say"].action == "cached"
    (project / "words.txt").write_text("two")
    assert made.plan()["say"].reasons == ("config file: one → two",)


def test_its_own_checks_and_artifact_types_are_those_of_its_commit(project: Path, first: str) -> None:
    own = STEP.replace(
        "class Say(Step):", "class Table(Evaluation):\n    NOT_CONTENT = ('*.log',)\n\n\nclass Say(Step):"
    ).replace('{"note": Evaluation}', '{"note": Table}')
    reads = (
        own.replace("class Say(Step)", "class Read(Step)")
        .replace("    outputs:", '    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"table": Table}\n    outputs:')
        .replace(
            "    def run(",
            "    def check(self, inputs):\n        from zenml.errors import Problem\n"
            "        if self.word == 'bad':\n            yield Problem(f'a bad word after {inputs[\"table\"].id}')\n\n"
            "    def run(",
        )
        .replace("class Table(Evaluation):\n    NOT_CONTENT = ('*.log',)\n", "from words.say import Table\n")
    )
    name = commit(project, say=own, read=reads)
    text = (
        "zenml: 1\ntype: Pipeline\nname: Words\nsteps:\n"
        f"- id: say\n  type: words.say:Say\n- id: read\n  type: words.read:Read@{name}\n  config: {{word: good}}\n"
    )
    (project / "words.yaml").write_text(text)
    run = Pipeline.from_yaml(project / "words.yaml").run()
    assert [row.type for row in run.record.steps[1].outputs] == ["Table"]
    (project / "words.yaml").write_text(text.replace("good", "bad"))
    with pytest.raises(SpecError, match="step read: a bad word after say"):
        Pipeline.from_yaml(project / "words.yaml").run()
    decides = own.replace("NOT_CONTENT = ('*.log',)", "@classmethod\n    def is_content(cls, name): return True")
    with pytest.raises(SpecError, match="Table overrides is_content"):
        pipeline(f"words.say:Say@{commit(project, say=decides)}", project)


def test_trees_go_when_the_repository_is_cleaned(project: Path, first: str) -> None:
    made = pipeline(f"words.say:Say@{first}", project)
    made.run()
    assert (project / ".zenml/trees" / first).is_dir()
    assert git(project, "status", "--porcelain", "--", "words") == ""
    assert run_command(["clean", "--yes"]) == 0
    assert not (project / ".zenml/trees").exists()
    assert said(made.run()) == "<hello>"


def test_a_stopped_run_leaves_no_process(project: Path, first: str) -> None:
    name = commit(
        project, say=STEP.replace("print(", "print('waiting', flush=True)\n        while True: pass\n        print(")
    )
    code = "from zenml.pipelines import Pipeline\nPipeline.from_yaml('words.yaml').run()\n"
    pipeline(f"words.say:Say@{name}", project)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        _, alive = psutil.wait_procs(family, timeout=20)
    assert family
    assert not alive
    (run,) = Repository.get_instance().get_runs()
    assert run.state == "CANCELED"


def test_a_run_in_another_folder_takes_the_commit_along(project: Path, first: str) -> None:
    made = pipeline(f"words.say:Say@{first}", project, word="far")
    commit(project, say=LATER, helper="")
    here = made.run()
    made.enable_cache = False
    run = made.run(OrchestratorSubprocessBackend())
    assert said(run) == "<far>"
    assert run.steps["say"].outputs["note"].digest == here.steps["say"].outputs["note"].digest
    assert run.record.steps[0].type == f"words.say:Say@{first}"
    made.enable_cache = True
    assert str(made.run(OrchestratorSubprocessBackend()).steps["say"].state) == "CACHED"


def test_what_is_known_of_it_is_not_asked_again(project: Path, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pipeline(f"words.say:Say@{first}", project)
    made.run()

    def refuse(*_: object) -> None:
        raise AssertionError("a process is started")

    monkeypatch.setattr(pins, "TreeProcess", refuse)
    assert made.plan()["say"].action == "cached"
    assert str(made.run().steps["say"].state) == "CACHED"
    for note in (project / ".zenml/trees" / f"{first}.steps").iterdir():
        note.write_text("damaged")
    with pytest.raises(AssertionError):
        made.plan()


def test_its_secrets_are_looked_up_where_it_runs(
    project: Path, first: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORD_FOR_TESTS", "hunter2hunter2")
    secret = STEP.replace("word: str", "token: Secret\n    word: str").replace(
        "from words", "from zenml.secrets import Secret\nfrom words"
    )
    secret = secret.replace("print(", "print(self.token.reveal(), len(self.token.reveal()), ")
    name = commit(project, say=secret)
    made = pipeline(f"words.say:Say@{name}", project, token="env:WORD_FOR_TESTS")
    run = made.run()
    assert run.logs("say") == "*** 14 said <hello>\n"
    assert made.to_spec().steps[0].config == {"token": "env:WORD_FOR_TESTS"}
    made.enable_cache = False
    assert str(made.run(OrchestratorSubprocessBackend()).state) == "COMPLETE"
    kept = [path.read_bytes() for path in (project / ".zenml").rglob("*") if path.is_file()]
    assert not any(b"hunter2" in data for data in kept)
    assert "hunter2" not in "".join(capsys.readouterr())


def test_its_backend_is_the_one_of_its_commit(project: Path, first: str) -> None:
    name = commit(project, say=STEP.replace("print(", "print(context.run_job is not None, "))
    text = (
        "zenml: 1\ntype: Pipeline\nname: Words\nsteps:\n"
        f"- id: say\n  type: words.say:Say@{name}\n  backend: {{type: ProcessingBaseBackend, config: {{workers: 1}}}}\n"
    )
    (project / "words.yaml").write_text(text)
    made = Pipeline.from_yaml(project / "words.yaml")
    assert made.to_spec().steps[0].backend is not None
    assert made.run().logs("say") == "True said <hello>\n"
    (project / "words.yaml").write_text(text.replace("ProcessingBaseBackend", f"words.say:Engine@{name}"))
    with pytest.raises(PluginError, match="Only steps can be pinned to a commit"):
        Pipeline.from_yaml(project / "words.yaml")
