from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zenml.runtime import code_digest
from zenml.runtime.code_digest import code_of

FILES = {
    "app_pkg/__init__.py": "",
    "app_pkg/steps.py": "import numpy\nfrom app_pkg import helper\nfrom .deep import thing\n\nclass Mine: pass\n",
    "app_pkg/helper.py": "def f():\n    from app_pkg.late import x\n    return x\n",
    "app_pkg/late.py": "x = 1\n",
    "app_pkg/deep.py": "thing = 2\n",
    "app_pkg/unrelated.py": "y = 3\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, source in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "app_pkg"]:
        del sys.modules[name]


def digest(tree: Path) -> str:
    code_digest.code_of.cache_clear()
    return code_of(importlib.import_module("app_pkg.steps").Mine, (tree,)).digest


def test_the_closure_holds_packages_and_imports_inside_functions(tree: Path) -> None:
    code = code_of(importlib.import_module("app_pkg.steps").Mine, (tree,))
    assert code.modules == ("app_pkg", "app_pkg.deep", "app_pkg.helper", "app_pkg.late", "app_pkg.steps")
    assert [name for name, _ in code.versions] == ["numpy"]


@pytest.mark.parametrize("name", ["app_pkg/__init__.py", "app_pkg/late.py", "app_pkg/deep.py", "app_pkg/steps.py"])
def test_a_change_anywhere_in_the_closure_changes_the_digest(tree: Path, name: str) -> None:
    before = digest(tree)
    with (tree / name).open("a") as file:
        file.write("# changed\n")
    assert digest(tree) != before


def test_a_change_elsewhere_does_not(tree: Path) -> None:
    before = digest(tree)
    (tree / "app_pkg/unrelated.py").write_text("y = 4\n")
    assert digest(tree) == before


def test_a_class_without_a_source_file_has_no_digest() -> None:
    assert code_of(type("Made", (), {"__module__": "nowhere"}), ()).digest == ""


def test_an_installed_class_counts_its_own_package() -> None:
    from zenml.spec.model import PipelineSpec

    code = code_of(PipelineSpec, ())
    assert {"zenml", "zenml.spec", "zenml.spec.model"} <= set(code.modules)
