"""The doctor says what is wrong, and nothing when nothing is."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from zenml.cli.plugin import plugin
from zenml.plugins.doctor import doctor

HEAD = 'from zenml.plugins import Spec, hookimpl\n\nZENML_HOOK_API = ">=1,<2"\n\n\n'
SOUND = (
    HEAD + '@hookimpl\ndef zenml_steps():\n    return [Spec("AcmeStep", "step", "acme.steps:AcmeStep", "Does it")]\n'
)


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "acme-targetless": (SOUND, {}, "step AcmeStep: there is no module acme"),
    "acme-raises": (
        SOUND.replace("acme.steps", "acme_raises.steps"),
        {"files": {"steps.py": "raise ValueError('no')"}},
        "importing acme_raises.steps failed: ValueError: no",
    ),
    "acme-dies": (
        SOUND.replace("acme.steps", "acme_dies.steps"),
        {"files": {"steps.py": "import os; os._exit(5)"}},
        "ended the process with exit code 5",
    ),
    "acme-prints": ("print('hello')\n" + SOUND, {}, "it prints when it is imported ('hello')"),
    "acme-exits": ("raise SystemExit", {}, "SystemExit"),
    "acme-needs": (SOUND, {"requires": ["acme-sdk"]}, "acme-needs needs acme-sdk (not installed)"),
    "acme-malformed": (SOUND, {"entry": "[zenml.plugins]\nacme = a b\n"}, "does not name a module"),
    "acme-hangs": (
        "import threading\nthreading.Event().wait()\n",
        {},
        "it hangs: loading it took longer than 6 s. To do without it, run: pip uninstall acme-hangs",
    ),
    "acme-lacks": (SOUND, {"requires": ["acme-engine"]}, ""),
}
"""Listing module, how it is packaged, and what the doctor says."""


def test_all_that_is_wrong_is_told_and_nothing_that_is_sound(site):
    for name, (listing, extra, _) in WRONG.items():
        site.add(name, listing, **extra)
    site.add("acme-sound", SOUND.replace("AcmeStep", "SoundStep").replace("acme.", "acme_sound."), files={
        "steps.py": "class SoundStep:\n    pass\n"
    })  # fmt: skip
    site.add("acme-engine", None, files={"a.py": ""}, requires=["acme-core>=3"])
    site.add("acme-core", None, version="2.0", files={"a.py": ""}, requires=["acme-engine"])
    site.add("zenml", None, version="0.94.2", files={"other.txt": ""})
    (site.folder / "zenml" / "__init__.py").unlink()
    problems = [str(problem) for problem in doctor(timeout=6)]
    for name, (_, _, told) in WRONG.items():
        assert any(name in problem and told in problem for problem in problems), name
    assert not any("acme-sound" in problem for problem in problems)
    assert any("plugins offer the step AcmeStep: acme-" in problem for problem in problems)
    assert any("the unrelated distribution zenml 0.94.2 is installed" in problem for problem in problems)
    assert 'acme-engine needs acme-core>=3 (2.0 is installed). Run: pip install "acme-core>=3"' in problems


def test_the_command_exits_with_1_when_something_is_wrong(site):
    site.add("acme", "raise ValueError('no')")
    done = CliRunner().invoke(plugin, ["doctor", "--json"])
    assert done.exit_code == 1
    assert "acme of acme 1.0" in {row["where"] for row in json.loads(done.stdout)}
    assert "ValueError: no" in CliRunner().invoke(plugin, ["doctor"]).stdout
