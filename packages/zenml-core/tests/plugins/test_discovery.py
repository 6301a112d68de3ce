"""Discovery finds what is installed now, whatever it remembers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.plugins import scan
from zenml.plugins.cache import cache_file
from zenml.plugins.discovery import Discovery, Survey

HEAD = 'from zenml.plugins import Capability, Spec, hookimpl\n\nZENML_HOOK_API = ">=1,<2"\n\n\n'
COUNTING = "from pathlib import Path\nwith Path(__file__).with_name('loads').open('a') as file:\n    file.write('x')\n"


def listing(*names: str) -> str:
    specs = ", ".join(f'Spec("{name}", "step", "acme.steps:{name}", "Does {name}")' for name in names)
    return f"{HEAD}@hookimpl\ndef zenml_steps():\n    return [{specs}]\n"


def loads(package: Path) -> int:
    return len((package / "loads").read_text())


def names(plugin) -> list[str]:
    return [spec[0] for spec in plugin.specs]


def test_the_core_is_found_first_and_through_its_own_hooks(site):
    site.add("acme", listing("AcmeStep"))
    found = site.find()
    assert next(iter(found)) == "core"
    assert "zenml_processing_backends" in found["core"].hooks


def test_the_core_is_found_even_where_it_is_not_installed():
    survey = Survey({})
    assert [plugin.module for plugin in survey.plugins] == ["zenml.plugins.builtin"]
    assert set(survey.installed) == {"zenml-core"}


def test_a_plugin_is_imported_once_and_then_remembered(site):
    package = site.add("acme", COUNTING + listing("AcmeStep"))
    for _ in range(3):
        assert names(site.find()["acme"]) == ["AcmeStep"]
    assert loads(package) == 1


def test_a_plugin_installed_later_does_not_make_the_others_load_again(site):
    package = site.add("acme", COUNTING + listing("AcmeStep"))
    site.find()
    site.add("acme-late", listing("LateStep"))
    assert {"acme", "acme-late"} <= set(site.find())
    assert loads(package) == 1


def test_an_edited_listing_is_loaded_again(site):
    package = site.add("acme", listing("AcmeStep"))
    site.find()
    (package / "plugin.py").write_text(listing("OtherStep", "ThirdStep"), "utf-8")
    assert names(site.find()["acme"]) == ["OtherStep", "ThirdStep"]


def test_an_edit_is_seen_by_a_process_that_goes_on(site):
    package = site.add("acme", "from acme.names import NAME\n" + listing("AcmeStep").replace('"AcmeStep"', "NAME"))
    (package / "names.py").write_text('NAME = "AcmeStep"\n', "utf-8")
    discovery = Discovery(str(site.cache))
    assert names({plugin.name: plugin for plugin in discovery.plugins()}["acme"]) == ["AcmeStep"]
    (package / "names.py").write_text('NAME = "AcmeOtherStep"\n', "utf-8")
    assert names({plugin.name: plugin for plugin in discovery.plugins()}["acme"]) == ["AcmeOtherStep"]


def test_an_uninstalled_plugin_is_gone(site):
    site.add("acme", listing("AcmeStep"))
    site.find()
    site.remove("acme")
    assert "acme" not in site.find()


def test_a_reinstalled_version_replaces_the_other(site):
    site.add("acme", listing("AcmeStep"))
    site.find()
    site.remove("acme")
    site.add("acme", listing("NewerStep"), version="2.0")
    found = site.find()["acme"]
    assert (found.version, names(found)) == ("2.0", ["NewerStep"])


def test_entry_points_edited_in_place_are_read_again(site):
    package = site.add("acme", listing("AcmeStep"), files={"second.py": listing("SecondStep")})
    site.find()
    declared = site.folder / "acme-1.0.dist-info" / "entry_points.txt"
    declared.write_text("[zenml.plugins]\nsecond = acme.second\n", "utf-8")
    found = site.find()
    assert "acme" not in found
    assert names(found["second"]) == ["SecondStep"]
    assert (package / "plugin.py").exists()


def test_an_egg_info_rewritten_in_place_is_read_again(site):
    site.add("acme", None, files={"plugin.py": listing("AcmeStep")}, suffix="egg-info")
    assert "acme" not in site.find()
    site.add("acme", listing("AcmeStep"), suffix="egg-info")
    found = site.find()["acme"]
    assert (found.distribution, found.version, names(found)) == ("acme", "1.0", ["AcmeStep"])


def test_a_plugin_in_an_archive_is_found_and_gone_with_it(site, tmp_path, monkeypatch):
    site.add("acme", listing("AcmeStep"))
    archive = site.zipped(tmp_path / "acme.zip")
    monkeypatch.syspath_prepend(archive)
    for _ in range(2):
        assert names(site.find()["acme"]) == ["AcmeStep"]
    archive.write_bytes(b"no archive")
    assert "acme" not in site.find()


def test_of_one_distribution_the_first_on_the_path_counts(site, tmp_path, monkeypatch):
    site.add("acme", listing("AcmeStep"))
    site.find()
    other = type(site)(tmp_path / "other", site.cache)
    other.folder.mkdir()
    other.add("acme", listing("ShadowStep"), version="3.0")
    monkeypatch.syspath_prepend(other.folder)
    site.find()
    for module in ("acme", "acme.plugin"):
        sys.modules.pop(module, None)
    found = [plugin for plugin in Discovery(str(site.cache)).plugins() if plugin.distribution == "acme"]
    assert [(plugin.version, names(plugin)) for plugin in found] == [("3.0", ["ShadowStep"])]


def test_a_package_that_another_folder_now_provides_is_loaded_from_there(site, tmp_path, monkeypatch):
    site.add("acme", listing("AcmeStep"))
    site.find()
    shadow = tmp_path / "shadow" / "acme"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").touch()
    (shadow / "plugin.py").write_text(listing("ShadowStep"), "utf-8")
    for module in ("acme", "acme.plugin"):
        sys.modules.pop(module, None)
    monkeypatch.syspath_prepend(shadow.parent)
    assert names(site.find()["acme"]) == ["ShadowStep"]


def test_a_broken_plugin_is_tried_again_each_time(site):
    package = site.add("acme", COUNTING + "raise ValueError('no')\n")
    for _ in range(2):
        assert site.find()["acme"].state == "broken"
    assert loads(package) == 2
    (package / "plugin.py").write_text(listing("AcmeStep"), "utf-8")
    assert site.find()["acme"].state == "available"


def test_what_was_touched_just_now_is_not_remembered(site, monkeypatch):
    monkeypatch.setattr(scan, "SETTLED_NS", 10**12)
    package = site.add("acme", COUNTING + listing("AcmeStep"))
    for _ in range(2):
        assert names(site.find()["acme"]) == ["AcmeStep"]
    assert loads(package) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"00000000\n{}", b'c0ffee\n{"header": []}'])
def test_a_damaged_cache_is_made_anew(site, damage):
    site.add("acme", listing("AcmeStep"))
    site.find()
    site.cache.write_bytes(damage)
    assert names(site.find()["acme"]) == ["AcmeStep"]
    assert len(site.cache.read_bytes()) > len(damage)


def test_a_cache_cut_anywhere_is_made_anew(site):
    site.add("acme", listing("AcmeStep"))
    site.find()
    whole = site.cache.read_bytes()
    for length in range(0, len(whole), len(whole) // 20):
        site.cache.write_bytes(whole[:length])
        assert names(site.find()["acme"]) == ["AcmeStep"]


def test_a_cache_of_another_version_is_made_anew(site, monkeypatch):
    package = site.add("acme", COUNTING + listing("AcmeStep"))
    site.find()
    monkeypatch.setattr("zenml.plugins.cache.FORMAT", 0)
    site.find()
    assert loads(package) == 2


def test_without_a_place_for_the_cache_plugins_are_found_all_the_same(site):
    site.add("acme", listing("AcmeStep"))
    site.cache.parent.parent.write_text("a file where the folder would be")
    assert names(site.find()["acme"]) == ["AcmeStep"]
    assert names({plugin.name: plugin for plugin in Discovery("").plugins()}["acme"]) == ["AcmeStep"]


def test_the_cache_leaves_nothing_beside_its_file(site):
    site.add("acme", listing("AcmeStep"))
    site.find()
    assert [file.name for file in site.cache.parent.iterdir()] == [site.cache.name]


def test_many_processes_at_once_all_find_the_same(site, tmp_path):
    site.add("acme", listing("AcmeStep"))
    program = "from zenml.plugins.registry import catalogue; print([row.name for row in catalogue('step')])"
    environment = {**os.environ, "PYTHONPATH": str(site.folder)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
        )
        for _ in range(4)
    ]
    told = {process.communicate()[0] for process in started}
    assert len(told) == 1
    assert "AcmeStep" in told.pop()


def test_entries_of_the_path_that_cannot_be_read_are_passed_over(site, tmp_path, monkeypatch):
    site.add("acme", listing("AcmeStep"))
    (tmp_path / "notes.txt").write_text("no archive")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "notes.txt"), str(tmp_path / "nowhere"), tmp_path])
    assert "acme" in site.find()


def test_leftovers_of_an_interrupted_installation_are_passed_over(site):
    site.add("acme", listing("AcmeStep"))
    (site.folder / "acme-1.0.dist-info").rename(site.folder / "~cme-1.0.dist-info")
    assert "acme" not in site.find()


@pytest.mark.parametrize(
    ("requires", "missing"),
    [
        (["pluggy>=1"], []),
        (["Pluggy<0.1", "acme_none"], ["pluggy<0.1", "acme_none"]),
        (["acme-none; python_version < '3'", "acme-none; extra == 'more'", "not a requirement !"], []),
    ],
)
def test_requirements_are_compared_with_what_is_installed(site, requires, missing):
    site.add("acme", listing("AcmeStep"), requires=requires)
    assert [text.lower() for _, text in site.find()["acme"].missing] == missing


def test_a_requirement_installed_later_is_seen_without_loading_the_plugin_again(site):
    package = site.add("acme", COUNTING + listing("AcmeStep"), requires=["acme-sdk>=2"])
    assert site.find()["acme"].missing
    site.add("acme-sdk", None, version="2.1", files={"__init__.py": ""})
    assert not site.find()["acme"].missing
    assert loads(package) == 1


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert Path(cache_file()).parent == Path("/caches/zenml")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/ada")
    assert Path(cache_file()).parent == Path("/home/ada/.cache/zenml")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert Path(cache_file()).parent == Path("/home/ada/Library/Caches/zenml")


def test_a_command_called_like_a_package_does_not_hide_it(site, tmp_path, monkeypatch):
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "acme").write_text("#!/bin/sh\n")
    monkeypatch.syspath_prepend(commands)
    package = site.add("acme", COUNTING + listing("AcmeStep"))
    for _ in range(3):
        assert names(site.find()["acme"]) == ["AcmeStep"]
    assert loads(package) == 1
