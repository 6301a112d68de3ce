"""Specs are checked where they are written."""

from __future__ import annotations

import dataclasses

import pytest

from zenml import __version__
from zenml.errors import PluginError
from zenml.plugins import HOOK_API, Capability, Spec, hookimpl
from zenml.plugins.hookspecs import HOOKS, KIND_OF
from zenml.plugins.specs import KINDS


def test_a_spec_is_frozen_and_takes_capabilities_by_name():
    spec = Spec("Acme-1", "step", "acme.steps:Acme.Inner", "Does it", ["gpu", Capability.SPOT])
    assert spec.capabilities == (Capability.GPU, Capability.SPOT)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "Other"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "1Acme"}, "begin with a letter"),
        ({"name": "Acme Step"}, "begin with a letter"),
        ({"name": 3}, "name is a int, not a string"),
        ({"kind": "stepp"}, r"no kind 'stepp'. Did you mean step\?"),
        ({"kind": "xyz"}, "Known: orchestrator"),
        ({"target": "acme.steps.Acme"}, "does not read package.module:Class"),
        ({"target": "acme steps:Acme"}, "does not read package.module:Class"),
        ({"summary": " "}, "one line"),
        ({"summary": "two\nlines"}, "one line"),
        ({"capabilities": "gpu"}, "capabilities is a str, not a tuple"),
        ({"capabilities": ("gpus",)}, r"no capability 'gpus'. Did you mean gpu\?"),
        ({"capabilities": (7,)}, "no capability 7. Known: logs"),
    ],
)
def test_a_wrong_field_is_told(change, told):
    sound = {"name": "Acme", "kind": "step", "target": "acme.steps:Acme", "summary": "Does it"}
    with pytest.raises(PluginError, match=told):
        Spec(**{**sound, **change})


def test_all_wrong_fields_are_told_at_once():
    with pytest.raises(PluginError) as raised:
        Spec("", "", "", "")
    assert len(raised.value.problems) == 4


def test_every_kind_has_its_registration_hook():
    assert sorted(KIND_OF.values()) == sorted(KINDS)
    assert set(KIND_OF) < set(HOOKS)
    assert {hook for hook in HOOKS if hook not in KIND_OF} == {
        "zenml_before_step",
        "zenml_after_step",
        "zenml_run_finished",
    }


def test_marks_are_those_that_pluggy_reads():
    import pluggy

    def listen() -> None: ...

    ours = hookimpl(tryfirst=True, specname="zenml_steps")(listen).zenml_impl
    theirs = pluggy.HookimplMarker("zenml")(tryfirst=True, specname="zenml_steps")(listen).zenml_impl
    assert ours == theirs


def test_the_versions_of_core_and_hooks_are_what_the_distribution_says():
    from importlib.metadata import version

    assert version("zenml-core") == __version__
    assert HOOK_API.split(".")[0] == "1"
