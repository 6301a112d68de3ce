from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zenml.runtime.distributions import Distributions, is_standard, locate


def test_a_module_is_of_the_distribution_that_lists_it(site: Any) -> None:
    site.install("plain-lib", files=("plain_lib/__init__.py", "plain_extra.py"))
    site.install("old-lib", files=("old_lib/__init__.py",), top_level="old_lib\n")
    found = Distributions()
    assert [found.of_module(name) for name in ("plain_lib", "plain_lib.deep.name", "plain_extra", "old_lib.x")] == [
        "plain-lib",
        "plain-lib",
        "plain-lib",
        "old-lib",
    ]
    assert [found.of_module(name) for name in ("json", "sys", "absent_module", "zenml.runtime")] == [
        None,
        None,
        None,
        "zenml-core",
    ]


def test_a_namespace_that_several_share_is_told_apart(site: Any) -> None:
    site.install("space-one", files=("space/cloud/one/__init__.py", "space/cloud/one/sub.py"))
    site.install("space-two", files=("space/cloud/two.py",))
    found = Distributions()
    assert found.of_module("space.cloud.one.sub.name") == "space-one"
    assert found.of_module("space.cloud.two") == "space-two"
    assert found.of_module("space.cloud") is None
    assert found.of_module("space") is None


def test_an_editable_install_owns_what_lies_in_its_project(site: Any, tmp_path: Path) -> None:
    outer = site.install_editable(tmp_path / "work/outer", "outer-lib")
    inner = site.install_editable(outer / "packages/inner lib", "inner-lib")
    found = Distributions()
    assert (found.of_module("outer_lib"), found.of_module("inner_lib.x")) == ("outer-lib", "inner-lib")
    assert {name: found.editable[name] for name in ("outer-lib", "inner-lib")} == {
        "outer-lib": outer,
        "inner-lib": inner,
    }
    assert found.get("Outer.Lib") is not None
    assert found.get("absent") is None


def test_what_lies_in_an_environment_inside_a_project_is_not_the_projects(site: Any, tmp_path: Path) -> None:
    project = site.install_editable(tmp_path / "outer", "outer-lib")
    inside = project / ".venv/lib/site-packages"
    inside.mkdir(parents=True)
    (inside / "loose_module.py").touch()
    site.use(inside)
    assert Distributions().of_module("loose_module") is None
    assert is_standard(inside / "loose_module.py")


def test_metadata_that_a_build_left_in_a_project_hides_no_install(site: Any, tmp_path: Path) -> None:
    project = site.install_editable(tmp_path / "work", "outer-lib")
    egg = project / "src/outer_lib.egg-info"
    egg.mkdir()
    (egg / "top_level.txt").write_text("outer_lib\n")
    assert "outer-lib" in Distributions().editable


@pytest.mark.parametrize("text", ["no json", "[]", '{"dir_info": {"editable": true}}'])
def test_a_damaged_note_of_the_source_counts_as_none(site: Any, text: str) -> None:
    site.install("odd-lib", files=("odd_lib.py",), direct_url=text)
    found = Distributions()
    assert "odd-lib" not in found.editable
    assert found.source("odd-lib") == {}


def test_a_module_is_located_without_being_imported(site: Any) -> None:
    site.install("loud-lib", files=("loud_lib/__init__.py", "loud_lib/sub.py"))
    for name in ("__init__.py", "sub.py"):
        (site.folder / "loud_lib" / name).write_text("raise RuntimeError('imported')\n")
    assert locate("loud_lib.sub.name") == site.folder / "loud_lib/sub.py"
    assert locate("loud_lib.absent") == site.folder / "loud_lib/__init__.py"
    assert locate("sys") is None
    assert locate("absent_module") is None


def test_what_a_failed_uninstall_left_counts_for_nothing(site: Any) -> None:
    site.install("plain-lib", "2.0", files=("plain_lib/__init__.py",))
    site.install("~lain-lib", "1.0", files=("plain_lib/__init__.py",))
    site.install("bare-lib", files=("bare_lib/__init__.py",))
    (site.folder / "bare_lib-1.0.dist-info/METADATA").unlink()
    found = Distributions()
    assert [one.version for one in found.offering("plain_lib")] == ["2.0"]
    assert found.offering("bare_lib") == []
    assert found.get("bare-lib") is None
