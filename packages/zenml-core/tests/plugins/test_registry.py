"""Names become classes, classes become names, and what cannot be found is explained."""

from __future__ import annotations

import sys

import pytest

from zenml.errors import PluginError
from zenml.plugins import registry
from zenml.plugins.builtin import zenml_processing_backends

HEAD = 'from zenml.plugins import Capability, Spec, hookimpl\n\nZENML_HOOK_API = ">=1,<2"\n\n\n'
STEPS = {"steps.py": "class AcmeStep:\n    class Inner:\n        pass\n\n\nclass OtherStep:\n    pass\n\n\nvalue = 3\n"}


def listing(name: str, package: str = "acme", hook: str = "zenml_steps", kind: str = "step") -> str:
    return (
        f'{HEAD}@hookimpl\ndef {hook}():\n    return [Spec("{name}", "{kind}", "{package}.steps:{name}", "Does it")]\n'
    )


def test_a_class_and_its_name_lead_to_each_other(site):
    site.add("acme", listing("AcmeStep"), files=STEPS)
    cls = registry.load_type("AcmeStep", ("step",))
    assert (cls.__module__, cls.__qualname__) == ("acme.steps", "AcmeStep")
    assert registry.type_name(cls) == "AcmeStep"
    assert registry.catalogue("step")[0].load is not None
    assert registry.find("AcmeStep").load() is cls


def test_a_class_that_no_plugin_offers_is_named_by_module(site):
    site.add("acme", listing("AcmeStep"), files=STEPS)
    cls = registry.load_type("acme.steps:OtherStep")
    assert registry.type_name(cls) == "acme.steps:OtherStep"
    assert registry.load_type(registry.type_name(cls)) is cls
    assert registry.load_type("acme.steps:AcmeStep.Inner").__name__ == "Inner"


def test_a_class_with_a_registered_name_from_elsewhere_keeps_its_module(site):
    site.add("acme", listing("AcmeStep"), files=STEPS)
    impostor = type("AcmeStep", (), {"__module__": "mine"})
    assert registry.type_name(impostor) == "mine:AcmeStep"


def test_a_class_of_the_running_script_is_found(monkeypatch):
    here = type("Mine", (), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Mine", here, raising=False)
    assert registry.load_type("__main__:Mine") is here
    assert registry.type_name(here) == "__main__:Mine"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("acme.steps:AcmeStepp", "acme.steps has no AcmeStepp. Did you mean AcmeStep?"),
        ("acme.steps:Banana", "acme.steps has no Banana. It has: AcmeStep, OtherStep"),
        ("acme.stepz:AcmeStep", "there is no module acme.stepz. Is its folder one of the source roots"),
        ("acme_nowhere.steps:A", "there is no module acme_nowhere"),
        ("acme.needy:A", "acme.needy imports acme_sdk, which is not installed.*pip install acme_sdk"),
        ("acme.raises:A", r"importing acme.raises failed: ValueError: no .*raises\.py, line 1"),
        ("acme.exits:A", "importing acme.exits failed: SystemExit"),
        ("acme.old:A", "acme.old imports zenml.gadgets, which zenml-core .* does not have"),
        ("acme.steps:value", "acme.steps:value is a int, not a class"),
        ("acme.steps:", "does not read package.module:Class"),
        ("acme.steps:f.<locals>.A", "defined inside a function. Move it to the top level"),
    ],
)
def test_what_is_wrong_with_a_class_of_ones_own_is_told(site, name, told):
    bad = {"needy.py": "import acme_sdk", "raises.py": "raise ValueError('no')", "exits.py": "raise SystemExit"}
    site.add("acme", None, files={**STEPS, **bad, "old.py": "import zenml.gadgets"})
    with pytest.raises(PluginError, match=told):
        registry.load_type(name, ("step",))


def test_an_unknown_name_ends_with_the_closest_one(site):
    site.add("acme", listing("AcmeStep"), files=STEPS)
    with pytest.raises(PluginError, match=r"no installed plugin offers step 'AcmeSetp'\. Did you mean AcmeStep\?"):
        registry.find("AcmeSetp", ("step",))
    with pytest.raises(PluginError, match=r"'Quux'\. Known: .*AcmeStep"):
        registry.find("Quux", ("step",))
    with pytest.raises(PluginError, match=r"Write a class of your own as package\.module:Class"):
        registry.find("mine.steps.Quux", ("step",))


def test_a_name_of_another_kind_is_told(site):
    with pytest.raises(PluginError, match="RandomSplit is a step, and a processing is needed here"):
        registry.find("RandomSplit", ("processing",))


def test_a_first_party_name_that_is_not_installed_tells_what_to_install(site, monkeypatch):
    from zenml.plugins.first_party import FIRST_PARTY

    monkeypatch.setitem(FIRST_PARTY, "AcmeTrainer", ("zenml-acme", "step"))
    monkeypatch.setitem(FIRST_PARTY, "NewSplit", ("zenml-core", "step"))
    told = "AcmeTrainer comes with zenml-acme, which is not installed. Run: pip install zenml-acme"
    with pytest.raises(PluginError, match=told):
        registry.find("AcmeTrainer", ("step",))
    with pytest.raises(PluginError, match=r"newer zenml-core\. Run: pip install --upgrade zenml-core"):
        registry.find("NewSplit", ("step",))
    site.add("zenml-acme", "raise ValueError('no')")
    with pytest.raises(PluginError, match="comes with zenml-acme, which cannot be used: ValueError: no"):
        registry.find("AcmeTrainer", ("step",))


def test_a_name_that_two_plugins_offer_is_refused_but_listed(site):
    site.add("acme-one", listing("AcmeStep", "acme_one"), files=STEPS)
    site.add("acme-two", listing("AcmeStep", "acme_two"), files=STEPS)
    rows = [row for row in registry.catalogue("step") if row.name == "AcmeStep"]
    assert [(row.distribution, row.state) for row in rows] == [("acme-one", "available"), ("acme-two", "available")]
    assert "acme-two offers this name too" in rows[0].reason
    with pytest.raises(PluginError, match=r"2 plugins offer AcmeStep: acme-one 1\.0.*acme-two 1\.0.*all but one"):
        registry.find("AcmeStep", ("step",))
    assert registry.type_name(rows[0].load()) == "acme_one.steps:AcmeStep"


def test_what_lacks_a_dependency_is_refused_before_its_import(site):
    site.add(
        "acme", listing("AcmeStep"), files={"steps.py": "raise ValueError"}, requires=["acme-sdk>=2", "pluggy<0.1"]
    )
    row = next(row for row in registry.catalogue("step") if row.name == "AcmeStep")
    assert row.state == "missing-dependency"
    assert "acme-sdk>=2 (not installed)" in row.reason
    assert "pluggy<0.1 (1." in row.reason
    for use in (row.load, lambda: registry.find("AcmeStep")):
        with pytest.raises(PluginError, match=r'cannot be used: acme needs .*pip install "acme-sdk>=2" "pluggy<0.1"'):
            use()


def test_a_plugin_for_another_core_is_incompatible(site):
    site.add("acme", listing("AcmeStep"), requires=["zenml-core>=99"])
    row = next(row for row in registry.catalogue("step") if row.name == "AcmeStep")
    assert row.state == "incompatible"
    assert "zenml-core>=99" in row.reason


def test_a_plugin_installed_while_the_process_runs_is_found_by_name(site):
    with pytest.raises(PluginError):
        registry.find("AcmeStep")
    site.add("acme", listing("AcmeStep"), files=STEPS)
    assert registry.find("AcmeStep").distribution == "acme"


def test_an_unknown_kind_is_told():
    with pytest.raises(PluginError, match=r"no kind 'stepp'\. Did you mean step\?"):
        registry.catalogue("stepp")


def test_commands_are_listed_without_their_import(site):
    site.add("acme", listing("greet", hook="zenml_cli_commands", kind="cli-command"))
    assert [row.target for row in registry.cli_commands()] == ["acme.steps:greet"]


def test_a_life_cycle_hook_is_called_by_name_and_only_its_plugins_are_imported(site):
    hears = "@hookimpl\ndef zenml_after_step(step, state):\n    return f'{step} {state}'\n"
    site.add("acme", HEAD + hears)
    site.add("acme-deaf", listing("AcmeStep"), files=STEPS)
    registry.catalogue()
    registry.registry.cache_clear()
    for module in ("acme.plugin", "acme_deaf.plugin"):
        sys.modules.pop(module)
    ((name, call),) = registry.hook_callers("zenml_after_step")
    assert (name, call(run="r1", step="trainer", state="COMPLETE")) == ("acme", ["trainer COMPLETE"])
    assert registry.hook_callers("zenml_after_step")[0][1] is call
    assert "acme_deaf.plugin" not in sys.modules
    assert "plugin" in {row.kind for row in registry.catalogue() if row.distribution == "acme"}


def test_a_listener_that_can_no_longer_be_imported_is_left_out(site):
    package = site.add("acme", HEAD + "@hookimpl\ndef zenml_before_step(run):\n    pass\n")
    registry.catalogue()
    sys.modules.pop("acme.plugin")
    (package / "plugin.py").write_text("raise SystemExit", "utf-8")
    assert registry.hook_callers("zenml_before_step") == []


def test_every_offer_of_the_core_is_imported_from_where_it_says():
    rows = [row for row in registry.catalogue() if row.distribution == "zenml-core"]
    assert {row.state for row in rows} == {"available"}
    assert {spec.name for spec in zenml_processing_backends()} <= {row.name for row in rows}
    for row in rows:
        loaded = row.load()
        assert loaded.__name__ == row.name or row.kind == "secret-resolver", row


def test_a_row_says_all_in_json_types():
    row = registry.find("ProcessingBaseBackend", ("processing",)).to_json()
    assert row.pop("version")
    assert row == {
        "name": "ProcessingBaseBackend",
        "kind": "processing",
        "distribution": "zenml-core",
        "state": "available",
        "reason": "",
        "summary": "Works on shards in processes of this machine",
        "target": "zenml.runtime.processing_base:ProcessingBaseBackend",
        "capabilities": [],
    }
