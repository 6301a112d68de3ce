from __future__ import annotations

import json
import platform

import pytest

from zenml import __version__
from zenml.errors import Problem
from zenml.runtime.requirements import Need, Requirements, Stray, installed_here

PYTHON = "3.11.4"
THERE = {"zenml-core": "0.4.2", "python": PYTHON, "scikit_learn": "1.5.0", "Plug.In": "1.0"}


def requirements(*needs: Need, **changed: object) -> Requirements:
    return Requirements(needs, **{"python": PYTHON, "core": "0.4.0", **changed})  # type: ignore[arg-type] # by name


def told(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


LEARN = Need("scikit-learn", "1.5.0", ("step trainer", "environment.requirements"), ">=1.2", "scikit-learn>=1.2")
GONE = Need("lightgbm", "4.3.0", ("step trainer: app.model imports lightgbm",), "", "lightgbm==4.3.0")
NEWER = Need("plug-in", "2.0", ("step split",), ">=2", "plug-in>=2")
OWN = Need("my-lib", "0.1", ("step split",), travels=True)


def test_all_is_well_where_all_is_there() -> None:
    made = requirements(LEARN, OWN, wanted_python="3.11")
    assert (made.problems(THERE), made.warnings(THERE), made.missing(THERE)) == ([], [], [])
    assert made.travelling == ("my-lib",)


def test_all_that_is_missing_is_told_with_its_mend() -> None:
    made = requirements(GONE, NEWER, LEARN)
    assert told(made.problems(THERE)) == [
        (
            "step trainer: app.model imports lightgbm: lightgbm is not installed where the pipeline is to run. "
            "Add lightgbm==4.3.0 in the image, or let the run install it: environment.install: missing"
        ),
        (
            "step split: plug-in 1.0 is installed where the pipeline is to run, and >=2 is needed. "
            "Change it to plug-in>=2 in the image, or let the run install it: environment.install: missing"
        ),
    ]
    assert made.missing(THERE) == [GONE, NEWER]
    assert requirements(GONE, NEWER, LEARN, install="missing").problems(THERE) == []


def test_what_several_need_names_the_first() -> None:
    (problem,) = requirements(LEARN).problems({**THERE, "scikit_learn": "1.1"})
    assert problem.where == "step trainer and 1 more"


@pytest.mark.parametrize(
    ("there", "mend"),
    [
        ("0.3.9", 'Use an image with zenml-core 0.4, or run here: pip install "zenml-core==0.3.*"'),
        ("0.5.0", 'Run here: pip install --upgrade "zenml-core==0.5.*", or use an image with 0.4'),
        ("1.4.0", 'Run here: pip install --upgrade "zenml-core==1.4.*", or use an image with 0.4'),
    ],
)
def test_a_core_of_another_minor_version_is_a_problem(there: str, mend: str) -> None:
    (problem,) = requirements(install="missing").problems({**THERE, "zenml-core": there})
    assert problem.what == f"zenml-core is {there} there and 0.4.0 here, which may not understand each other"
    assert problem.mend == mend


def test_a_place_without_the_core_is_a_problem() -> None:
    assert told(requirements().problems({"python": PYTHON})) == [
        "zenml-core is not installed where the pipeline is to run. Add zenml-core==0.4.* there"
    ]


def test_other_versions_of_libraries_are_warnings() -> None:
    made = requirements(LEARN, Need("plug-in", "2.0", ("step split",)))
    there = {**THERE, "scikit-learn": "1.6", "zenml-core": "0.4.9"}
    assert made.problems(there) == []
    assert told(made.warnings(there)) == [
        "step trainer and 1 more: scikit-learn is 1.6 there and 1.5.0 here",
        "step split: plug-in is 1.0 there and 2.0 here",
    ]


def test_another_python_is_a_problem_where_the_spec_names_one_else_a_warning() -> None:
    there = {**THERE, "python": "3.12.1"}
    assert told(requirements(wanted_python="3.11").problems(there)) == [
        (
            "environment.python: the pipeline is made for Python 3.11, and Python 3.12.1 would run it. "
            "Choose an image with Python 3.11, or mend the spec"
        )
    ]
    assert requirements().problems(there) == []
    assert told(requirements().warnings(there)) == [
        "environment.python: Python is 3.12.1 there and 3.11.4 here. To refuse that, set it to 3.11"
    ]
    assert requirements(wanted_python="3.12.9").problems(there) == []


def test_modules_that_cannot_travel_are_problems() -> None:
    made = requirements(strays=(Stray("helper", "step split: app imports helper", "/lib/helper.py"),))
    (problem,) = made.problems(THERE)
    assert problem.what.startswith("the module helper (/lib/helper.py) is neither under a source root nor of a")
    assert problem.where == "step split: app imports helper"


def test_they_survive_json() -> None:
    made = requirements(LEARN, GONE, OWN, wanted_python="3.11", strays=(Stray("a", "b", "c"),), install="missing")
    assert Requirements.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_versions_that_no_standard_knows_are_compared_as_text() -> None:
    there = {**THERE, "zenml-core": "dev"}
    assert len(requirements().problems(there)) == 1
    assert requirements(core="dev").problems(there) == []


def test_what_is_installed_here_is_listed_with_python() -> None:
    here = installed_here()
    assert (here["python"], here["zenml-core"]) == (platform.python_version(), __version__)
