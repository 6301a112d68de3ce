from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from zenml.cli import secret as module
from zenml.cli.secret import secret
from zenml.errors import SecretError
from zenml.secrets import Secret, SecretsFile

VALUE = "hunter22 and more"


def call(*arguments: str, typed: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(secret, list(arguments), input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_secret_is_read_from_standard_input_listed_and_removed(project: Path) -> None:
    code, out = call("set", "db.password", "-", typed=f"{VALUE}\n")
    assert (code, "secret:db.password" in out, VALUE in out) == (0, True, False)
    assert Secret("secret:db.password").reveal() == VALUE
    assert (project / ".zenml" / "secrets.yaml").stat().st_mode & 0o777 == 0o600

    code, out = call("list")
    assert (code, "db.password" in out, VALUE in out) == (0, True, False)
    code, out = call("list", "--json")
    assert json.loads(out) == [{"name": "db.password", "reference": "secret:db.password"}]

    assert call("delete", "db.password", typed="n\n")[0] == 1
    assert call("delete", "db.password", "--yes")[0] == 0
    assert "No secret" in call("list")[1]


def test_it_is_asked_for_without_being_shown(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys.stdin.__class__, "isatty", lambda _: True, raising=False)
    monkeypatch.setattr("zenml.cli.secret._asked", lambda name: f"typed for {name}")
    assert call("set", "token")[0] == 0
    assert Secret("secret:token").reveal() == "typed for token"


def test_a_prompt_asks_twice_and_echoes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import _NamedTextIOWrapper

    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _: True, raising=False)
    code, out = call("set", "token", typed=f"{VALUE}\n{VALUE}\n")
    assert (code, VALUE in out) == (0, False)
    assert Secret("secret:token").reveal() == VALUE


def test_without_a_terminal_nothing_is_asked(project: Path) -> None:
    code, out = call("set", "token", typed=f"{VALUE}\n")
    assert code == 2
    assert "zenml secret set token -" in " ".join(out.split())


def test_a_value_on_the_command_line_is_refused_and_not_repeated(project: Path) -> None:
    code, out = call("set", "db.password", VALUE)
    assert code == 2
    assert "command line" in out
    assert VALUE not in out
    assert not (project / ".zenml" / "secrets.yaml").exists()


def test_what_is_wrong_is_told_before_the_user_types(project: Path) -> None:
    with pytest.raises(SecretError, match="name of a secret"):
        call("set", "two words", "-", typed="x")
    SecretsFile(project / ".zenml" / "secrets.yaml").set("a", "1")
    (project / ".zenml" / "secrets.yaml").chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        call("set", "token", "-", typed="x")
    with pytest.raises(SecretError, match="chmod 600"):
        call("list")


def test_an_unknown_name_or_an_empty_value_is_told(project: Path) -> None:
    with pytest.raises(SecretError, match="there is no secret 'nothing'"):
        call("delete", "nothing")
    with pytest.raises(SecretError, match="is empty"):
        call("set", "token", "-", typed="\n")


def test_cleaning_spares_the_secrets(project: Path) -> None:
    from zenml.cli.clean import clean

    call("set", "token", "-", typed=VALUE)
    assert CliRunner().invoke(clean, ["--yes"]).exit_code == 0
    assert Secret("secret:token").reveal() == VALUE
