from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.errors import SpecError
from zenml.metadata.store import MetadataStore
from zenml.plugins.row import Row
from zenml.runtime import code_digest, needs
from zenml.runtime.graph import build_graph
from zenml.runtime.needs import requirements_of
from zenml.runtime.requirements import Need, Requirements
from zenml.secrets import Secret
from zenml.spec.component import Component
from zenml.spec.model import PipelineSpec

STEP = """
from zenml.steps.base import Step
{imports}

class {name}(Step):
    def run(self, context):
        {body}
"""

Collect = Callable[..., Requirements]


@pytest.fixture
def app(project: Path) -> Iterator[Path]:
    """A source root, whose modules are forgotten afterwards."""
    folder = project / "src" / "app_for_needs"
    folder.mkdir(parents=True)
    sys.path.insert(0, str(project / "src"))
    yield folder
    code_digest.code_of.cache_clear()


@pytest.fixture
def collect(project: Path, app: Path) -> Collect:
    def of(*steps: str | dict[str, Any], stores: tuple[Component, ...] = (), **environment: Any) -> Requirements:
        blocks = [step if isinstance(step, dict) else {"type": step} for step in steps]
        for number, block in enumerate(blocks):
            block.setdefault("id", f"step{number}")
        spec = PipelineSpec(name="p", type="Pipeline", steps=blocks, environment=environment)
        return requirements_of(build_graph(spec), project, stores)

    return of


def write_step(app: Path, imports: str = "", body: str = "pass", name: str = "Own") -> str:
    (app / "steps.py").write_text(STEP.format(imports=imports, body=body, name=name))
    return f"app_for_needs.steps:{name}"


def by_name(found: Requirements) -> dict[str, Need]:
    return {need.name: need for need in found.needs}


def test_the_core_alone_needs_nothing(collect: Collect) -> None:
    found = collect({"type": "CSVDatasource", "config": {"name": "a", "path": "a.csv"}}, stores=(ArtifactStore("a"),))
    assert found == Requirements(())


def test_modules_of_own_code_are_needed_wherever_they_are_imported(app: Path, collect: Collect, site: Any) -> None:
    site.install("first-lib", "1.5", files=("first_lib.py",))
    site.install("second-lib", "2.0+local", files=("second_lib/__init__.py",))
    site.install("spared-lib", files=("spared_lib.py",))
    (app / "helper.py").write_text("from second_lib import a\n")
    imports = "import json, first_lib\ntry:\n    import spared_lib\nexcept ImportError:\n    spared_lib = None"
    (site.folder / "second_lib/__init__.py").write_text("a = 1\n")
    found = collect(write_step(app, imports, "from app_for_needs import helper"))
    step = "step step0: app_for_needs."
    assert found.needs == (
        Need("first-lib", "1.5", (f"{step}steps imports first_lib",), "", "first-lib==1.5"),
        Need(
            "second-lib",
            "2.0+local",
            (f"{step}helper imports second_lib", f"{step}helper imports second_lib.a"),
            "",
            "second-lib==2.0",
        ),
    )
    assert found.strays == ()


def test_a_class_that_a_facade_serves_needs_its_distribution(app: Path, collect: Collect) -> None:
    pytest.importorskip("zenml_sklearn")
    found = by_name(collect(write_step(app, body="from zenml.steps.trainer import SklearnTrainer, Training")))
    assert "zenml-sklearn" in found


def test_a_plugin_and_what_versions_it_are_needed(collect: Collect) -> None:
    pytest.importorskip("zenml_sklearn")
    block = {"id": "trainer", "type": "SklearnTrainer", "config": {"estimator": "LogisticRegression"}}
    data = {"id": "data", "type": "CSVDatasource", "config": {"name": "a", "path": "a.csv"}}
    prepared = {"id": "pre", "type": "StandardPreprocesser", "config": {"features": ["a"], "labels": ["b"]}}
    found = by_name(collect(data, {"id": "split", "type": "NoSplit"}, prepared, block))
    assert "step trainer" in found["scikit-learn"].where
    assert found["zenml-sklearn"].where == ("step trainer",)


def test_the_spec_says_which_versions_fit(app: Path, collect: Collect, site: Any) -> None:
    site.install("first-lib", "1.5", files=("first_lib.py",))
    texts = ["First_Lib[fast]>=1.2", "absent-lib<3", "elsewhere>1; sys_platform == 'atari'", "first-lib!=1.3"]
    found = collect(write_step(app, "import first_lib"), requirements=texts, install="missing", python="3.11")
    assert found.needs == (
        Need("absent-lib", "", ("environment.requirements",), "<3", "absent-lib<3"),
        Need(
            "first-lib",
            "1.5",
            ("environment.requirements", "step step0: app_for_needs.steps imports first_lib"),
            "!=1.3,>=1.2",
            "first-lib[fast]!=1.3,>=1.2",
        ),
    )
    assert (found.install, found.wanted_python) == ("missing", "3.11")


def test_a_requirement_that_cannot_be_read_is_an_error(app: Path, collect: Collect) -> None:
    with pytest.raises(SpecError, match="'a lib' is no requirement") as caught:
        collect(write_step(app), requirements=["a lib", "==3", "sound"])
    assert len(caught.value.problems) == 2


def test_a_requirement_holds_no_password(app: Path, collect: Collect) -> None:
    sound = ["a @ git+ssh://git@example.org/a", "b @ https://${TOKEN}@example.org/b", "c @ https://me:${WORD}@x.org/c"]
    assert len(collect(write_step(app), requirements=sound).needs) == 3
    wrong = ["d @ https://token-itself@example.org/d", "e @ git+ssh://me:word-itself@example.org/e", "f f@://it-self@"]
    with pytest.raises(SpecError, match=r"a password stands in 'd @ https://\*\*\*@example.org/d'") as caught:
        collect(write_step(app), requirements=[*sound, *wrong])
    assert len(caught.value.problems) == 3
    assert "itself" not in str(caught.value)


def test_a_url_says_where_to_install_from(app: Path, collect: Collect, site: Any) -> None:
    git = {"url": "https://example.org/lib", "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "x"}}
    site.install("git-lib", files=("git_lib.py",), source=git)
    site.install("url-lib", files=("url_lib.py",), source={"url": "https://example.org/u.whl", "archive_info": {}})
    site.install("file-lib", files=("file_lib.py",), source={"url": "file:///u.whl", "archive_info": {}})
    site.install("odd-lib", "of-today", files=("odd_lib.py",))
    asked = "asked-lib @ https://example.org/asked.whl"
    found = by_name(collect(write_step(app, "import git_lib, url_lib, file_lib, odd_lib"), requirements=[asked]))
    assert [found[name].install for name in sorted(found)] == [
        asked,
        "file-lib==1.0",
        "git-lib @ git+https://example.org/lib@abc",
        "odd-lib==of-today",
        "url-lib @ https://example.org/u.whl",
    ]


def test_an_editable_install_travels_and_asks_for_what_it_needs(
    app: Path, collect: Collect, site: Any, tmp_path: Path
) -> None:
    site.install("deep-lib", "3.1", files=("deep_lib.py",))
    site.install_editable(tmp_path / "inner", "inner-lib")
    requires = ("inner-lib", "deep-lib>=3", "zenml-core>=0.4", "never>1; extra == 'more'")
    site.install_editable(tmp_path / "outer", "outer-lib", requires=requires)
    found = collect(write_step(app, "import outer_lib"))
    assert found.travelling == ("inner-lib", "outer-lib")
    assert by_name(found)["deep-lib"].where == ("outer-lib, which is installed editable",)
    assert by_name(found)["deep-lib"].specifier == ">=3"
    assert list(by_name(found)) == ["deep-lib", "inner-lib", "outer-lib"]


def test_an_installed_class_needs_its_distribution_but_not_its_imports(collect: Collect, site: Any) -> None:
    site.install("step-lib", files=("step_lib.py",))
    (site.folder / "step_lib.py").write_text(STEP.format(imports="import numpy", name="Theirs", body="pass"))
    assert list(by_name(collect("step_lib:Theirs"))) == ["step-lib"]


def test_a_module_that_nothing_brings_is_a_stray(app: Path, collect: Collect, site: Any, tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose/loose_helper.py").touch()
    site.use(tmp_path / "loose")
    site.modules.append("loose_helper")
    (stray,) = collect(write_step(app, "import loose_helper, yaml", "import absent_module")).strays
    assert (stray.module, stray.file) == ("loose_helper", str(tmp_path / "loose/loose_helper.py"))
    assert stray.where == "step step0: app_for_needs.steps imports loose_helper"


def test_a_class_beside_the_script_that_no_source_root_has_is_a_stray(
    project: Path, collect: Collect, site: Any
) -> None:
    (project / "scripts").mkdir()
    (project / "scripts/loose_steps.py").write_text(STEP.format(imports="", name="Mine", body="pass"))
    site.use(project / "scripts")
    (stray,) = collect("loose_steps:Mine").strays
    assert (stray.module, stray.where) == ("loose_steps", "step step0")
    assert collect("loose_steps:Mine", source_roots=["scripts"]).strays == ()


class Store(Component):
    DRIVER: ClassVar[str] = "driver_lib.client"

    password: Secret
    more: dict[str, list[Secret]] = {}


def test_stores_need_their_driver_and_what_resolves_their_secrets(
    app: Path, collect: Collect, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def find(name: str, kinds: tuple[str, ...]) -> Row:
        asked.append(name)
        return Row(name, kinds[0], "zenml-vault" if name == "file" else "zenml-core", "1", "available")

    monkeypatch.setattr(needs, "find", find)
    site.install("driver-lib", files=("driver_lib/__init__.py", "driver_lib/client.py"))
    store = Store(password=Secret("env:A"), more={"a": [Secret("file:/b"), Secret("plain", literal=True)]})
    found = by_name(collect(write_step(app), stores=(store,)))
    assert found["driver-lib"].where == ("Store",)
    assert found["zenml-vault"].where == ("Store, secret file:/b",)
    assert asked == ["env", "file"]


def test_urls_need_what_reaches_them(collect: Collect, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = importlib.import_module("fsspec.registry")
    monkeypatch.setitem(registry._registry, "dropbox", type("Files", (), {}))  # as if its package were imported
    site.install("dropboxdrivefs", files=("dropboxdrivefs/__init__.py",))
    data = {"type": "CSVDatasource", "config": {"name": "a", "path": "dropbox://a/b.csv"}}
    found = by_name(collect(data, stores=(ArtifactStore("dropbox://kept"),)))
    assert found["dropboxdrivefs"].where == ("step step0: dropbox://", "ArtifactStore: dropbox://")
    pinned = {"type": "CSVDatasource", "config": {"name": "a", "path": "dropbox://a", "snapshot": f"sha256:{'0' * 64}"}}
    assert collect(pinned).needs == ()


def test_real_stores_are_served_by_plugins(collect: Collect, app: Path) -> None:
    pytest.importorskip("zenml_aws")
    pytest.importorskip("pymysql")
    metadata: MetadataStore = MetadataStore.from_config({"type": "MySQLMetadataStore", "config": {}})
    found = by_name(collect(write_step(app), stores=(ArtifactStore("s3://bucket/a"), metadata)))
    assert found["zenml-aws"].where == ("ArtifactStore",)
    assert found["PyMySQL"].where == ("MySQLMetadataStore",)


def test_a_steps_backend_is_needed(app: Path, collect: Collect, site: Any) -> None:
    site.install("first-lib", files=("first_lib.py",))
    text = "import first_lib\nfrom zenml.runtime.processing_base import ProcessingBaseBackend\n\n\n"
    (app / "engine.py").write_text(f"{text}class Engine(ProcessingBaseBackend):\n    pass\n")
    found = by_name(collect({"type": write_step(app), "backend": {"type": "app_for_needs.engine:Engine"}}))
    assert found["first-lib"].where == ("step step0, Engine: app_for_needs.engine imports first_lib",)


def test_a_step_at_a_commit_needs_what_its_code_was_versioned_by(app: Path, project: Path) -> None:
    numpy = pytest.importorskip("numpy")
    target = write_step(app, "import numpy")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *command], cwd=project, check=True)
    sha = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True).stdout
    steps = [{"id": "own", "type": f"{target}@{sha.strip()}"}]
    spec = PipelineSpec(name="p", type="Pipeline", steps=steps)
    found = requirements_of(build_graph(spec, root=project), project)
    assert found.needs == (Need("numpy", numpy.__version__, ("step own",), "", f"numpy=={numpy.__version__}"),)
