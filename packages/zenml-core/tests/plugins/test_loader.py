"""Each plugin is loaded alone, and what is wrong with it is told in one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import pytest

from zenml.plugins import loader
from zenml.plugins.scan import Plugin

HEAD = 'from zenml.plugins import Capability, Spec, hookimpl\n\nZENML_HOOK_API = ">=1,<2"\n\n\n'
SOUND = (
    HEAD + '@hookimpl\ndef zenml_steps():\n    return [Spec("AcmeStep", "step", "acme.steps:AcmeStep", "Does it")]\n'
)


def hook(body: str, name: str = "zenml_steps", arguments: str = "") -> str:
    return f"{HEAD}@hookimpl\ndef {name}({arguments}):\n    {body}\n"


@pytest.mark.parametrize(
    ("source", "state", "reason"),
    [
        ("raise ValueError('the dog ate it')", "broken", r"ValueError: the dog ate it \(.*plugin\.py, line 1\)"),
        ("raise SystemExit(3)", "broken", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "broken", "KeyboardInterrupt"),
        ("raise GeneratorExit", "broken", "GeneratorExit"),
        ("class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd", "broken", "^Odd"),
        ("def broken(:", "broken", r"SyntaxError: .*plugin\.py, line 1"),
        ("import acme_nowhere", "broken", "No module named 'acme_nowhere'"),
        ("from zenml.plugins import Gadget", "incompatible", "zenml-core .* does not have .*Gadget"),
        ("import zenml.gadgets", "incompatible", "zenml.gadgets"),
        (SOUND.replace(">=1,<2", ">=2"), "incompatible", "hook API >=2"),
        (SOUND.replace(">=1,<2", "banana"), "broken", "'banana' is no version range"),
        (SOUND.replace("ZENML_HOOK_API", "HOOK_API"), "broken", "does not say which hooks"),
        (HEAD, "broken", "implements no hook"),
        (hook("return []", "zenml_stepz"), "broken", r"no hook zenml_stepz\. Did you mean zenml_steps\?"),
        (hook("return []", "banana"), "broken", "no hook banana. Known: zenml_"),
        (SOUND.replace("@hookimpl\n", ""), "broken", "zenml_steps is not marked"),
        (hook("return []", arguments="pipeline"), "broken", "does not fit its declaration.*pipeline"),
        (hook("return None"), "broken", "zenml_steps returned nothing"),
        (hook("return 42"), "broken", "returned a value of type int"),
        (hook("return ['AcmeStep']"), "broken", "a list with a value of type str"),
        (
            hook("return [Spec('A', 'processing', 'a.b:A', 'A')]"),
            "broken",
            "A as processing; this hook is for kind step",
        ),
        (hook("return [Spec('A', 'stp', 'a.b', 'A')]"), "broken", "(?s)no kind 'stp'.*does not read package.module"),
        (hook("raise LookupError('late')"), "broken", "LookupError: late"),
        (hook("import sys; sys.exit()"), "broken", "SystemExit"),
    ],
)
def test_a_plugin_that_is_wrong_is_told_with_its_reason(site, source, state, reason):
    site.add("acme-sound", SOUND)
    site.add("acme", source)
    found = site.find()
    assert found["acme"].state == state
    assert re.search(reason, found["acme"].reason), found["acme"].reason
    assert found["acme"].specs == []
    assert found["acme-sound"].state == "available"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("[zenml.plugins]\nacme = acme plugin!\n", "does not name a module"),
        ("[zenml.plugins]\nacme = acme.plugin:thing\n", "does not name a module"),
        ("[zenml.plugins]\nacme\n", "cannot be read as entry points"),
        ("[zenml.plugins]\nacme = acme.plugins\n", "there is no acme.plugins"),
    ],
)
def test_a_malformed_entry_point_is_told(site, entry, reason):
    site.add("acme", SOUND, entry=entry)
    plugin = site.find()["acme"]
    assert plugin.state == "broken"
    assert reason in plugin.reason


def test_a_plugin_may_implement_hooks_of_a_later_version_or_under_other_names(site):
    later = "@hookimpl(optionalhook=True)\ndef zenml_future():\n    return 1\n"
    other = '@hookimpl(specname="zenml_run_finished", trylast=True)\ndef tell(run):\n    return run\n'
    site.add("acme", f"{SOUND}\n{later}\n{other}")
    plugin = site.find()["acme"]
    assert (plugin.state, plugin.hooks) == ("available", ["zenml_run_finished", "zenml_steps"])


def test_noise_of_a_plugin_goes_to_standard_error(site, capfd):
    site.add("acme", 'import os\nprint("from python")\nos.system("echo from a child")\n' + SOUND)
    assert site.find()["acme"].state == "available"
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "from python" in captured.err
    assert "from a child" in captured.err


INTERRUPTIBLE = """import signal
from zenml.plugins.registry import catalogue
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with interrupts ignored
catalogue()
"""


def test_a_real_interrupt_of_the_user_is_let_through(site, tmp_path):
    site.add("acme", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n" + SOUND)
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTIBLE],
        env={**os.environ, "PYTHONPATH": str(site.folder)}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr


def test_listing_works_in_a_thread_and_without_standard_output(site, tmp_path):
    site.add("acme", SOUND)
    program = (
        "import os, sys, threading\nfrom zenml.plugins.registry import catalogue\nos.close(1)\nfound = []\n"
        "worker = threading.Thread(target=lambda: found.extend(catalogue('step')))\nworker.start()\nworker.join()\n"
        "sys.stderr.write(' '.join(row.name for row in found))\nsys.stdout = sys.__stdout__ = None\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site.folder)},
    )  # fmt: skip
    assert "AcmeStep" in done.stderr


def test_a_user_who_waits_for_a_plugin_is_told_which_it_is(site, monkeypatch, capsys):
    begun, told = threading.Event(), threading.Event()

    def tell(loading: list[Plugin]) -> None:
        begun.wait(30)
        tell_delay(loading)
        told.set()

    tell_delay = loader._tell_delay
    monkeypatch.setattr(loader, "PATIENCE_S", 0)
    monkeypatch.setattr(loader, "_tell_delay", tell)
    monkeypatch.setattr(loader, "events", (begun, told), raising=False)
    site.add("acme", f"from zenml.plugins.loader import events\nevents[0].set()\nassert events[1].wait(30)\n{SOUND}")
    loader.load([plugin := Plugin("acme", "acme.plugin", "acme", "1.0", [], [])])
    assert plugin.state == "available"
    assert "Still loading the plugin acme of acme 1.0" in capsys.readouterr().err
