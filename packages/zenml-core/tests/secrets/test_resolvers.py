from __future__ import annotations

from pathlib import Path

import pytest

from zenml.errors import PluginError, SecretError
from zenml.plugins import registry
from zenml.secrets import Secret, SecretResolver, SecretsFile, secrets_file, use_secrets_file
from zenml.secrets.place import environment
from zenml.testing.secret_resolver import SecretResolverConformance

VALUE = "a value of some length"


class TestEnvironment(SecretResolverConformance):
    @pytest.fixture
    def scheme(self) -> str:
        return "env"

    @pytest.fixture
    def known(self, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
        monkeypatch.setenv("ZENML_TEST_SECRET", VALUE)
        return "ZENML_TEST_SECRET", VALUE

    @pytest.fixture
    def unknown(self) -> str:
        return "ZENML_TEST_SECRETS"


class TestFile(SecretResolverConformance):
    @pytest.fixture
    def scheme(self) -> str:
        return "file"

    @pytest.fixture
    def known(self, tmp_path: Path) -> tuple[str, str]:
        (tmp_path / "password").write_text(f"{VALUE}\n")
        return str(tmp_path / "password"), VALUE

    @pytest.fixture
    def unknown(self, tmp_path: Path) -> str:
        return str(tmp_path / "passwort")


class TestRepository(SecretResolverConformance):
    @pytest.fixture
    def scheme(self) -> str:
        return "secret"

    @pytest.fixture
    def known(self, project: Path) -> tuple[str, str]:
        SecretsFile(project / ".zenml" / "secrets.yaml").set("db.password", VALUE)
        return "db.password", VALUE

    @pytest.fixture
    def unknown(self) -> str:
        return "db.passwort"


class Shelf(SecretResolver):
    def resolve(self, name: str) -> str:
        answers = {"empty": "", "number": 7}
        if name == "plugin":
            raise PluginError("the SDK is too old")
        if name in answers:
            return answers[name]  # type: ignore[return-value] # what a careless author may do
        raise KeyError(name)


def tell(reference: str) -> str:
    with pytest.raises(SecretError) as raised:
        Secret(reference).reveal()
    return str(raised.value)


def test_the_closest_name_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", VALUE)
    assert "Did you mean DATABASE_PASSWORD?" in tell("env:DATABASE_PASWORD")
    assert "zenml secret set db" in tell("secret:db")
    SecretsFile(project / ".zenml" / "secrets.yaml").set("db.password", VALUE)
    assert "Did you mean db.password?" in tell("secret:db.pasword")


def test_a_variable_without_a_value_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_ONE", "")
    assert "is empty" in tell("env:EMPTY_ONE")


def test_a_file_that_cannot_be_the_secret_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "big").write_bytes(b"x" * ((1 << 20) + 1))
    assert "No such file" in tell(f"file:{tmp_path}/none")
    assert "Is a directory" in tell(f"file:{tmp_path}")
    assert "the file is empty" in tell(f"file:{tmp_path}/empty")
    assert "no UTF-8" in tell(f"file:{tmp_path}/binary")
    assert "larger than 1 MiB" in tell(f"file:{tmp_path}/big")
    assert "whole path" in tell("file:relative/password")


def test_a_file_below_home_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_bytes(b"two words\r\n")
    assert Secret("file:~/token").reveal() == "two words"


def test_outside_of_a_repository_there_is_no_secrets_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert secrets_file() is None
    assert environment() == {}
    assert "zenml init" in tell("secret:db")


def test_the_variable_names_the_secrets_file_before_all_else(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secrets_file() == project / ".zenml" / "secrets.yaml"
    with use_secrets_file(tmp_path / "chosen.yaml"), use_secrets_file(None):
        assert secrets_file() == tmp_path / "chosen.yaml"
        assert environment() == {"ZENML_SECRETS_FILE": str(tmp_path / "chosen.yaml")}
        monkeypatch.setenv("ZENML_SECRETS_FILE", str(tmp_path / "named.yaml"))
        assert secrets_file() == tmp_path / "named.yaml"


def test_whatever_a_plugins_resolver_does_is_one_error_with_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find", lambda *_: None)
    monkeypatch.setattr(registry, "load", lambda _: Shelf)
    monkeypatch.setattr("zenml.secrets.secret.is_scheme", lambda _: True)
    assert tell("shelf:empty") == "the secret shelf:empty is empty. Give it a value, or leave the field out"
    assert "the secret shelf:number is empty" in tell("shelf:number")
    assert "the secret shelf:x cannot be looked up: KeyError: 'x'" in tell("shelf:x")
    assert "the secret shelf:plugin cannot be looked up: the SDK is too old" in tell("shelf:plugin")
