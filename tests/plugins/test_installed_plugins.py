"""Plugins as users get them: built as wheels, installed with pip, listed by the command line."""

from __future__ import annotations

from typing import Any

import pytest

HEAD = 'from zenml.plugins import Capability, Spec, hookimpl\nZENML_HOOK_API = ">=1,<2"\n'

BACKENDS = (
    HEAD
    + """
@hookimpl
def zenml_processing_backends():
    return [Spec("ProcessingAcmeBackend", "processing", "acme_engine.engine:ProcessingAcmeBackend", "SUMMARY",
                 (Capability.SPOT,))]
"""
)

ENGINE = """
from zenml.backends.processing import ProcessingBackend


class ProcessingAcmeBackend(ProcessingBackend):
    nodes: int = 1

    def map(self, job):
        operation = job.open()
        return [operation.work(number) for number in range(len(job.shards))]
"""

STEPS = HEAD + '@hookimpl\ndef zenml_steps():\n    return [Spec("NAME", "step", "acme.steps:NAME", "Does it")]\n'

BROKEN: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "acme-raises": ("raise ValueError('the dog ate it')", {}, "broken", "the dog ate it"),
    "acme-exits": ("import sys; sys.exit(3)", {}, "broken", "SystemExit"),
    "acme-syntax": ("def broken(:\n", {}, "broken", "line 1"),
    "acme-missing": (
        "import acme_sdk_that_nobody_has\n" + STEPS.replace("NAME", "AcmeMissing"),
        {"requires": ["acme-sdk-that-nobody-has>=3"]},
        "missing-dependency",
        'pip install "acme-sdk-that-nobody-has>=3"',
    ),
    "acme-interrupts": ("raise KeyboardInterrupt", {}, "broken", "KeyboardInterrupt"),
    "acme-malformed": ("", {"value": "acme malformed plugin!"}, "broken", "does not name a module"),
    "acme-misspelt": (
        HEAD + "@hookimpl\ndef zenml_trainig_backends():\n    return []\n",
        {},
        "broken",
        "Did you mean zenml_training_backends?",
    ),
    "acme-future": (STEPS.replace("NAME", "AcmeFuture").replace(">=1,<2", ">=7,<8"), {}, "incompatible", ">=7,<8"),
    "acme-gone": ("from zenml.plugins import Gadget", {}, "incompatible", "Gadget"),
    "acme-nonsense": (
        HEAD + "@hookimpl\ndef zenml_steps():\n    return 42\n",
        {},
        "broken",
        "returned a value of type int",
    ),
}
"""Source of the listing module, how it is packaged, and the state and reason that are listed."""

NOISE = 'import os\nprint("{{{ noise")\nos.system("echo noise of a child")\n'


@pytest.fixture(scope="session")
def crowded(scratch):
    """Return an environment with a sound plugin, noisy ones, two of one name, and all the broken ones."""
    projects = [
        scratch.project("acme-engine", BACKENDS.replace("SUMMARY", "Acme"), files={"engine.py": ENGINE}),
        scratch.project("acme-noise", NOISE + STEPS.replace("NAME", "AcmeNoise")),
        scratch.project("acme-one", STEPS.replace("NAME", "AcmeTwice")),
        scratch.project("acme-two", STEPS.replace("NAME", "AcmeTwice")),
        scratch.project(
            "acme-needy", STEPS.replace("NAME", "AcmeNeedy"), requires=["pluggy<0.1", "acme-none; extra == 'more'"]
        ),
        *(scratch.project(name, listing, **extra) for name, (listing, extra, _, _) in BROKEN.items()),
    ]
    scratch.install(*projects)
    return scratch


def _by_distribution(rows):
    return {row["distribution"]: row for row in rows}


def test_an_installed_plugin_is_listed_and_its_class_served_by_the_facade(crowded):
    row = next(row for row in crowded.rows("--kind", "processing") if row["name"] == "ProcessingAcmeBackend")
    assert (row["distribution"], row["version"], row["state"]) == ("acme-engine", "1.0", "available")
    assert row["capabilities"] == ["spot"]
    done = crowded.run(
        "-c",
        "from zenml.backends.processing import ProcessingAcmeBackend as B, ProcessingBackend\n"
        "made = ProcessingBackend.from_config({'type': 'ProcessingAcmeBackend', 'config': {'nodes': 4}})\n"
        "print(made == B(nodes=4), made.to_config())",
    )
    assert done.stdout.strip() == "True {'type': 'ProcessingAcmeBackend', 'config': {'nodes': 4}}", done.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason_beside_the_sound_ones(crowded, name):
    rows = _by_distribution(crowded.rows())
    _, _, state, reason = BROKEN[name]
    assert (rows[name]["kind"], rows[name]["state"]) == ("plugin", state)
    assert reason in rows[name]["reason"]
    assert rows["acme-engine"]["state"] == "available"


def test_noise_of_a_plugin_stays_off_standard_output(crowded):
    assert _by_distribution(crowded.rows())["acme-noise"]["state"] == "available"


def test_an_unmet_requirement_is_told_without_importing_what_needs_it(crowded):
    row = _by_distribution(crowded.rows())["acme-needy"]
    assert (row["name"], row["state"]) == ("AcmeNeedy", "missing-dependency")
    assert 'Run: pip install "pluggy<0.1"' in row["reason"]
    assert "acme-none" not in row["reason"]


def test_a_name_that_two_distributions_offer_is_listed_twice_and_refused_when_used(crowded):
    twice = [row for row in crowded.rows() if row["name"] == "AcmeTwice"]
    assert {row["distribution"] for row in twice} == {"acme-one", "acme-two"}
    done = crowded.run("-c", "from zenml.steps import AcmeTwice")
    assert "2 plugins offer AcmeTwice: acme-one 1.0" in done.stderr
    assert "acme-two 1.0" in done.stderr


def test_the_doctor_finds_each_of_them_and_fails(crowded):
    done = crowded.zenml("plugin", "doctor")
    assert done.returncode == 1
    for name in (*BROKEN, "acme-noise", "acme-needy"):
        assert f"{name} 1.0" in done.stdout
    assert "2 plugins offer the step AcmeTwice" in done.stdout
    assert "acme_noise" not in done.stdout


def test_the_doctor_ends_a_plugin_that_hangs_and_one_that_kills_the_process(scratch):
    hangs = scratch.project("acme-hangs", "import threading; threading.Event().wait()")
    dies = scratch.project("acme-dies", "import os; os._exit(7)")
    scratch.install(hangs, dies)
    try:
        done = scratch.zenml("plugin", "doctor", "--timeout", "5")
    finally:
        scratch.pip("uninstall", "--quiet", "--yes", "acme-hangs", "acme-dies")
    assert "acme-hangs 1.0: it hangs" in done.stdout
    assert "acme-dies 1.0: loading it ended the process with exit code 7" in done.stdout


def test_an_uninstalled_plugin_is_gone_at_once(scratch):
    scratch.install(scratch.project("acme-leaves", STEPS.replace("NAME", "AcmeLeaves")))
    for _ in range(2):
        assert "AcmeLeaves" in {row["name"] for row in scratch.rows()}
    scratch.pip("uninstall", "--quiet", "--yes", "acme-leaves")
    assert "AcmeLeaves" not in {row["name"] for row in scratch.rows()}


def test_an_edit_of_an_editable_install_is_seen_at_once(scratch):
    project = scratch.project("acme-edited", STEPS.replace("NAME", "AcmeBefore"))
    scratch.pip("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(project))
    try:
        for _ in range(2):
            assert "AcmeBefore" in {row["name"] for row in scratch.rows()}
        listing = project / "src" / "acme_edited" / "plugin.py"
        listing.write_text(STEPS.replace("NAME", "AcmeAfterwards"), "utf-8")
        names = {row["name"] for row in scratch.rows()}
    finally:
        scratch.pip("uninstall", "--quiet", "--yes", "acme-edited")
    assert "AcmeAfterwards" in names
    assert "AcmeBefore" not in names
