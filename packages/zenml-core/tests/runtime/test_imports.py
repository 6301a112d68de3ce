from __future__ import annotations

from pathlib import Path

from zenml.runtime.imports import imports_of, outside_imports

SOURCE = """
import one, two.deep
import typing
from typing import TYPE_CHECKING
from three import a
from . import sibling
from ..up import b

if TYPE_CHECKING:
    import for_types
else:
    import not_for_types
if typing.TYPE_CHECKING:
    import for_types_too
try:
    import maybe
except ImportError:
    import instead
else:
    import then
try:
    import surely
except ValueError:
    pass
try:
    import perhaps
except (KeyError, ModuleNotFoundError):
    pass
try:
    import whatever
except:
    pass
import contextlib
with contextlib.suppress(ImportError):
    import suppressed
with open("x"):
    import opened

def late():
    import inside
"""


def test_imports_are_told_with_whether_the_code_goes_on_without_them() -> None:
    found = {row.name: row.optional for row in imports_of("pkg.sub.module", SOURCE.encode(), is_package=False)}
    needed = {name for name, optional in found.items() if not optional}
    assert needed == {
        *("one", "two.deep", "typing", "typing.TYPE_CHECKING", "three", "three.a", "contextlib", "opened", "inside"),
        *("pkg.sub", "pkg.sub.sibling", "pkg.up", "pkg.up.b", "not_for_types", "surely", "then"),
    }
    optional = {"for_types", "for_types_too", "maybe", "instead", "perhaps", "whatever", "suppressed"}
    assert set(found) - needed == optional


def test_relative_imports_of_a_package_begin_in_it() -> None:
    found = [row.name for row in imports_of("pkg", b"from . import a\nfrom .b import c", is_package=True)]
    assert sorted(found) == ["pkg", "pkg.a", "pkg.b", "pkg.b.c"]


def test_a_source_that_cannot_be_read_imports_nothing() -> None:
    assert list(imports_of("m", b"def", is_package=False)) == []
    assert list(imports_of("m", b"import a\0", is_package=False)) == []


def test_only_what_is_not_under_the_roots_is_outside(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "space/inner").mkdir(parents=True)
    (tmp_path / "pkg/__init__.py").write_text("from pkg.other import x\nimport numpy.linalg\nimport space.inner.mod")
    (tmp_path / "pkg/other.py").write_text("import space.inner.absent\n")
    (tmp_path / "space/inner/mod.py").touch()
    found = outside_imports(["pkg", "pkg.other", "gone"], [tmp_path / "nowhere", tmp_path])
    assert [(row.module, row.name) for row in found] == [
        ("pkg", "numpy.linalg"),
        ("pkg.other", "space.inner.absent"),
    ]
