"""The catalogue of what is installed reads well and works as a collection."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from zenml.cli.plugin import plugin
from zenml.errors import PluginError
from zenml.plugins.row import Row
from zenml.repo.catalogue import Catalogue

LISTING = """
from zenml.plugins import Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_steps():
    return [Spec("AcmeStep", "step", "acme.steps:AcmeStep", "Does it")]
"""

ROWS = (
    Row("OrchestratorAcmeKubernetesBackend", "orchestrator", "zenml-acme", "1.0", "available", "", "Runs <there>"),
    Row("ProcessingAcmeBackend", "processing", "zenml-acme", "1.0", "missing-dependency", "zenml-acme needs [acme]"),
    Row("ProcessingSparkBackend", "processing", "zenml-spark", "2.0", "available"),
    Row("acme", "plugin", "zenml-bad", "0.1", "broken", "ValueError: no"),
)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(ROWS)


def test_it_prints_as_a_table_of_80_columns(catalogue, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = repr(catalogue)
    assert max(map(len, text.splitlines())) <= 80
    for row in ROWS:
        assert row.name in text
        assert f"{row.distribution} {row.version}" in text
    assert "ProcessingAcmeBackend: zenml-acme needs [acme]" in text
    assert "Runs <there>" not in text


def test_a_wide_terminal_shows_summaries(catalogue, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    assert "Runs <there>" in repr(catalogue)


def test_it_is_html_in_a_notebook(catalogue):
    html = catalogue._repr_html_()
    assert html.count("<tr>") == 1 + len(ROWS)
    assert "Runs &lt;there&gt;" in html


def test_it_filters_by_kind_state_and_name(catalogue):
    assert catalogue.filter(kind="processing").names == ("ProcessingAcmeBackend", "ProcessingSparkBackend")
    assert catalogue.filter(kind="processing", state="available").names == ("ProcessingSparkBackend",)
    assert catalogue.filter(name="*ACME*").names == (ROWS[0].name, ROWS[1].name, "acme")


def test_it_is_a_collection(catalogue):
    assert list(catalogue) == list(ROWS)
    assert len(catalogue) == 4
    assert catalogue[1] is catalogue["ProcessingAcmeBackend"]
    assert "acme" in catalogue
    assert ROWS[0] in catalogue
    assert catalogue == Catalogue(list(ROWS))
    assert json.loads(json.dumps(catalogue.to_json()))[3]["state"] == "broken"


def test_a_name_that_is_not_listed_ends_with_the_closest_one(catalogue):
    with pytest.raises(PluginError, match=r"Did you mean ProcessingSparkBackend\?"):
        catalogue["ProcessingSparkBackends"]
    with pytest.raises(PluginError, match="Listed: nothing"):
        Catalogue([])["X"]
    with pytest.raises(PluginError, match=r"2 plugins offer acme: zenml-bad 0\.1, zenml-bad 0\.1"):
        Catalogue([ROWS[3], ROWS[3]])["acme"]


def test_a_class_is_loaded_only_when_asked(catalogue):
    found = Catalogue.of_backends("processing")
    assert found["ProcessingBaseBackend"].load().BACKEND_TYPE == "processing"
    with pytest.raises(PluginError, match="cannot be used: zenml-acme needs"):
        catalogue["ProcessingAcmeBackend"].load()


def test_backends_are_the_four_kinds_and_unreadable_plugins(site):
    site.add("acme", "raise ValueError('no')")
    kinds = {row.kind for row in Catalogue.of_backends()}
    assert kinds == {"orchestrator", "processing", "training", "plugin"}
    assert {row.kind for row in Catalogue.of_backends("training")} == {"training", "plugin"}


def test_a_kind_that_is_no_backend_is_told():
    with pytest.raises(PluginError, match=r"no kind of backend 'trainning'\. Did you mean training\?"):
        Catalogue.of_backends("trainning")


def test_the_command_lists_as_table_and_json(site):
    site.add("acme", "raise ValueError('no')")
    table = CliRunner().invoke(plugin, ["list"])
    assert "ProcessingBaseBackend" in table.stdout
    assert "acme: ValueError: no" in table.stdout
    rows = json.loads(CliRunner().invoke(plugin, ["list", "--json"]).stdout)
    assert {"name", "kind", "distribution", "version", "state", "reason"} <= set(rows[0])
    nothing = CliRunner().invoke(plugin, ["list", "--kind", "cli-command"])
    assert "No installed package offers anything of kind cli-command" in nothing.stdout


def test_a_warm_listing_imports_no_plugin_and_nothing_heavy(site, tmp_path):
    site.add("acme", LISTING)
    program = (
        f"import sys\nsys.path.insert(0, {str(site.folder)!r})\n"
        "import zenml, zenml.plugins, zenml.repo\nfrom zenml.plugins import registry, scan\n"
        "from zenml.repo.catalogue import Catalogue\nscan.SETTLED_NS = -10**9\n"
        "assert 'AcmeStep' in Catalogue.of_everything().names and Catalogue.of_backends()\n"
        "print(' '.join(sys.modules))"
    )
    for turn in range(2):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
        loaded = set(done.stdout.split())
        assert not loaded & {"pandas", "tensorflow", "torch", "apache_beam", "pydantic", "sklearn", "numpy", "pyarrow"}
        assert turn == 0 or not loaded & {"pluggy", "packaging", "importlib.metadata", "acme", "zenml.plugins.builtin"}
