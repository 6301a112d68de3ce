"""Facades serve what is installed under the names that users type."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator

import pytest

from zenml.errors import PluginError
from zenml.plugins.facade import FACADES, PluginImportError, home

HEAD = 'from zenml.plugins import Capability, Spec, hookimpl\n\nZENML_HOOK_API = ">=1,<2"\n\n\n'


def offer(name: str) -> str:
    return f'{HEAD}@hookimpl\ndef zenml_steps():\n    return [Spec("{name}", "step", "acme.steps:{name}", "Does it")]\n'


@pytest.mark.parametrize("module", FACADES)
def test_every_facade_serves_what_it_lists(module):
    facade = importlib.import_module(module)
    for name in dir(facade):
        with may_lack_its_distribution():
            assert getattr(facade, name).__name__ == name


@contextlib.contextmanager
def may_lack_its_distribution() -> Iterator[None]:
    """Let a name of ours be missing, as long as the error says what to install."""
    try:
        yield
    except PluginImportError as error:
        if "Run: pip install" not in str(error):
            raise


def test_a_class_comes_from_the_distribution_that_offers_it(site):
    site.add("acme", offer("AcmeTrainer"), files={"steps.py": "class AcmeTrainer:\n    pass\n"})
    from zenml.steps.trainer import AcmeTrainer

    assert AcmeTrainer.__module__ == "acme.steps"
    assert "AcmeTrainer" in dir(importlib.import_module("zenml.steps.trainer"))
    assert "AcmeTrainer" not in dir(importlib.import_module("zenml.steps.split"))


def test_a_step_with_a_name_of_its_own_is_served_by_the_common_facade(site):
    site.add("acme", offer("Greet"), files={"steps.py": "class Greet:\n    pass\n"})
    from zenml.steps import Greet

    assert Greet.__module__ == "acme.steps"
    with pytest.raises(ImportError, match=r"zenml.steps.split does not serve Greet. Import it from zenml.steps$"):
        from zenml.steps.split import Greet


def test_a_name_that_another_facade_serves_is_told():
    with pytest.raises(ImportError, match=r"does not serve RandomSplit. Import it from zenml.steps.split"):
        from zenml.steps.trainer import RandomSplit  # noqa: F401 - raises


def test_a_misspelt_name_ends_with_the_closest_one_and_is_a_zenml_error():
    with pytest.raises(ImportError, match=r"Did you mean OrchestratorBackend\?") as raised:
        from zenml.backends.orchestrator import OrchestratorBackendd  # noqa: F401 - raises
    assert isinstance(raised.value, PluginError)


def test_a_first_party_name_that_is_not_installed_tells_what_to_install(monkeypatch):
    from zenml.plugins.first_party import FIRST_PARTY

    monkeypatch.setitem(FIRST_PARTY, "AcmeTrainer", ("zenml-acme", "step"))
    assert "AcmeTrainer" in dir(importlib.import_module("zenml.steps.trainer"))
    with pytest.raises(
        ImportError, match=r"comes with zenml-acme, which is not installed. Run: pip install zenml-acme"
    ):
        from zenml.steps.trainer import AcmeTrainer  # noqa: F401 - raises


def test_probes_for_other_attributes_get_the_usual_answer():
    facade = importlib.import_module("zenml.steps.split")
    assert not hasattr(facade, "_repr_html_")
    assert not hasattr(facade, "banana")
    with pytest.raises(ImportError, match="cannot import name 'banana'"):
        from zenml.steps.split import banana  # noqa: F401 - raises


def test_submodules_of_a_facade_are_imported_as_ever():
    from zenml.metadata import store

    assert store.__name__ == "zenml.metadata.store"


def test_each_kind_of_step_has_its_facade():
    assert home("RandomSplit", "step") == "zenml.steps.split"
    assert home("Greet", "step") == "zenml.steps"
    assert home("greet", "cli-command") == ""
