from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from zenml.cli.completion import INSTALL, completion
from zenml.cli.main import COMMANDS

BASH = """
eval "$(zenml completion bash)"
COMP_WORDS=({words}); COMP_CWORD={place}; COMPREPLY=()
_zenml_completion zenml
echo "${{COMPREPLY[*]}}"
complete -p zenml
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Put a command `zenml` that runs this Python on the path."""
    command = tmp_path / "bin" / "zenml"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zenml.cli.main "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join((str(command.parent), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def shell(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("zenml pi", 1, ["pipeline"]),
        ("zenml pipeline r", 2, ["run"]),
        ("zenml secret ''", 2, ["delete", "list", "set"]),
        ("zenml gc --older", 2, ["--older-than"]),
        ("zenml --de", 1, ["--debug"]),
        ("zenml completion z", 2, ["zsh"]),
        ("zenml nothing", 1, []),
    ],
)
def test_bash_completes(environment: dict[str, str], words: str, place: int, expected: list[str]) -> None:
    said = shell(environment, "bash", "--norc", "-c", BASH.format(words=words, place=place)).splitlines()
    assert said[0].split() == expected
    assert "-F _zenml_completion zenml" in said[1]


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish_completes(environment: dict[str, str]) -> None:
    said = shell(environment, "fish", "-N", "-c", 'zenml completion fish | source; complete -C "zenml pi"')
    assert said.splitlines() == [f"pipeline\t{COMMANDS['pipeline'][1]}"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
def test_zsh_takes_the_script(environment: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "zenml.zsh"
    script.write_text(shell(environment, "zenml", "completion", "zsh"))
    shell(environment, "zsh", "-f", "-n", str(script))
    said = shell(
        environment, "zsh", "-f", "-c", f"autoload -U compinit; compinit -D; source {script}; echo $_comps[zenml]"
    )
    assert said.strip() == "_zenml_completion"


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_asks_the_command(name: str, environment: dict[str, str]) -> None:
    script = CliRunner().invoke(completion, [name]).output
    assert f"_ZENML_COMPLETE={name}_complete" in script
    asked = {"bash": "1", "zsh": "1", "fish": "pi"}[name]
    variables = {"COMP_WORDS": "zenml pi", "COMP_CWORD": asked, "_ZENML_COMPLETE": f"{name}_complete"}
    assert "pipeline" in shell({**environment, **variables}, "zenml")


def test_help_says_how_to_install_it() -> None:
    said = CliRunner().invoke(completion, ["--help"]).output
    assert all(line in said for line in INSTALL.values())


def test_completing_a_command_imports_none(environment: dict[str, str]) -> None:
    program = (
        "import sys\n"
        "import zenml.cli.main as main\n"
        "try: main.run([])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'sqlalchemy', 'pyarrow', 'numpy', 'yaml', 'rich', 'zenml.cli.run'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    variables = {"COMP_WORDS": "zenml ", "COMP_CWORD": "1", "_ZENML_COMPLETE": "bash_complete"}
    said = shell({**environment, **variables}, sys.executable, "-c", program)
    assert said.split() == [f"plain,{name}" for name in sorted(COMMANDS)]
