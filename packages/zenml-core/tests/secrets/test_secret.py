from __future__ import annotations

import copy
import json
import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from zenml.errors import ConfigError, SecretError, ZenMLError
from zenml.plugins.first_party import FIRST_PARTY
from zenml.secrets import Secret, redact, use_secrets_file
from zenml.spec.component import Component

LITERAL = "correct horse battery"


class VaultMetadataStore(Component):
    KINDS = ("metadata-store",)

    host: str = "localhost"
    password: Secret | None = None


class Login(BaseModel):
    token: Secret


class Source(Component):
    KINDS = ("datasource",)

    name: str = "Pima"
    login: Login | None = None
    keys: dict[str, Secret] = {}


def test_a_reference_is_shown_and_looked_up_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret("env:DB_PASSWORD")
    assert (str(secret), repr(secret), secret.reference) == (
        "env:DB_PASSWORD",
        "Secret('env:DB_PASSWORD')",
        "env:DB_PASSWORD",
    )
    for value in ("first one", "second one"):
        monkeypatch.setenv("DB_PASSWORD", value)
        assert secret.reveal() == value
        assert redact(f"<{value}>") == "<***>"


def test_a_literal_is_shown_nowhere() -> None:
    secret = Secret(LITERAL)
    store = VaultMetadataStore(password=LITERAL)
    assert secret.reveal() == LITERAL
    assert secret.reference is None
    shown = f"{secret} {secret!r} {store} {store!r} {store.model_dump()} {store.model_dump_json()}"
    assert LITERAL not in shown
    assert store.model_dump(mode="json")["password"] == "***"


def test_what_was_hidden_cannot_be_taken_for_a_secret() -> None:
    hidden = VaultMetadataStore(password=LITERAL).model_dump(mode="json")
    with pytest.raises(ConfigError, match="was not written down"):
        VaultMetadataStore(**hidden)


def test_secrets_are_equal_when_they_stand_for_the_same() -> None:
    assert VaultMetadataStore(password=LITERAL) == VaultMetadataStore(password=Secret(LITERAL))
    assert VaultMetadataStore(password=LITERAL) != VaultMetadataStore(password="another")
    assert hash(VaultMetadataStore(password="env:A")) == hash(VaultMetadataStore(password="env:A"))
    assert Secret("env:A") != Secret("env:A", literal=True)
    assert Secret("env:A") != "env:A"
    assert len({Secret("env:A"), Secret("env:A"), Secret("x y")}) == 2


def test_a_schema_calls_it_a_string() -> None:
    field = VaultMetadataStore.model_json_schema()["properties"]["password"]
    assert {"type": "string"} in field["anyOf"]
    assert {"type": "string"} in VaultMetadataStore.model_json_schema(mode="serialization")["properties"]["password"][
        "anyOf"
    ]


@pytest.fixture
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a spec name the class above, as if a plugin offered it."""
    monkeypatch.setattr("zenml.plugins.registry.load_type", lambda *_: VaultMetadataStore)


@pytest.mark.usefixtures("_registered")
def test_a_literal_is_kept_when_it_is_written_and_only_its_name_is(project: Path) -> None:
    store = VaultMetadataStore(password=LITERAL)
    assert store.written_config() == {"password": "secret:metadata.vault.password"}
    assert store.written_config() == {"password": "secret:metadata.vault.password"}
    again = VaultMetadataStore.from_config({"type": "VaultMetadataStore", "config": store.written_config()})
    assert again.password is not None
    assert again.password.reveal() == LITERAL
    assert (project / ".zenml" / "secrets.yaml").stat().st_mode & 0o777 == 0o600


def test_another_value_does_not_replace_the_one_that_is_kept(project: Path) -> None:
    first = VaultMetadataStore(password=LITERAL).written_config()
    second = VaultMetadataStore(password="something else").written_config()
    assert second == {"password": "secret:metadata.vault.password-2"}
    assert Secret(first["password"]).reveal() == LITERAL
    assert VaultMetadataStore(password="something else").written_config() == second


def test_secrets_inside_models_and_tables_are_kept_too(project: Path) -> None:
    source = Source(
        name="Pima Indians",
        login=Login(token=Secret("tok-12345")),
        keys={"a": Secret("key-a-1"), "b": Secret("key-b-2")},
    )
    config = source.written_config()
    assert config["login"] == {"token": "secret:datasource.pima-indians.token"}
    assert sorted(config["keys"].values()) == [
        "secret:datasource.pima-indians.keys",
        "secret:datasource.pima-indians.keys-2",
    ]
    assert Source(**config).keys["b"].reveal() == "key-b-2"
    assert "tok-12345" not in json.dumps(config)


def test_a_literal_cannot_be_written_where_no_repository_could_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SecretError, match="zenml init"):
        VaultMetadataStore(password=LITERAL).to_config()
    assert VaultMetadataStore(password="env:A").written_config() == {"password": "env:A"}


@pytest.mark.usefixtures("_registered")
def test_a_literal_in_a_spec_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"VaultMetadataStore.password: .*zenml secret set NAME") as raised:
        VaultMetadataStore.from_config({"type": "VaultMetadataStore", "config": {"password": LITERAL}})
    assert LITERAL not in "".join(traceback.format_exception(raised.value))
    given = {"type": "VaultMetadataStore", "config": {"password": Secret(LITERAL)}}
    assert VaultMetadataStore.from_config(given).password == Secret(LITERAL)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("evn:HOME", "Did you mean env?"),
        ("nowhere:x", "Known: env, file, secret"),
        ("", "empty"),
        ("***", "was not written down"),
    ],
)
def test_what_is_no_secret_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        VaultMetadataStore(password=text)
    assert told in str(raised.value)
    with pytest.raises(SecretError):
        Secret(text)
    assert "nowhere" not in str(raised.value)


def test_the_package_that_brings_a_scheme_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FIRST_PARTY, "vault", ("zenml-vault", "secret-resolver"))
    with pytest.raises(SecretError, match=r"It comes with zenml-vault\. Run: pip install zenml-vault\."):
        Secret("vault:db")


def test_a_value_that_is_no_text_is_not_shown() -> None:
    with pytest.raises(ConfigError) as raised:
        VaultMetadataStore(password=81549300)
    assert "81549300" not in str(raised.value)
    assert "of type int" in str(raised.value)


def test_a_literal_may_look_like_anything() -> None:
    assert Secret("env:HOME", literal=True).reveal() == "env:HOME"
    assert Secret("https://hooks.example.org/T0/B1").reveal() == "https://hooks.example.org/T0/B1"
    assert Secret("Pa:ss").reference is None
    assert Secret("p:ss").reference is None


def test_a_copy_is_as_good_and_a_pickle_holds_no_literal() -> None:
    secret = Secret(LITERAL)
    assert copy.copy(secret) == copy.deepcopy(secret) == secret
    assert VaultMetadataStore(password=LITERAL).model_copy(deep=True) == VaultMetadataStore(password=LITERAL)
    assert pickle.loads(pickle.dumps(Secret("env:A"))) == Secret("env:A")
    with pytest.raises(SecretError):
        pickle.dumps(secret)


def test_a_secret_remembers_its_repository(tmp_path: Path) -> None:
    values = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with use_secrets_file(tmp_path / name / "secrets.yaml"):
            written = VaultMetadataStore(password=f"of {name}, only").written_config()["password"]
            values[name] = Secret(written)
    assert values["one"].reveal() == "of one, only"
    assert values["two"].reveal() == "of two, only"


def test_no_problem_shows_a_known_secret() -> None:
    Secret(LITERAL)
    error = ZenMLError(f"cannot log in with {LITERAL}", f"host {LITERAL}", f"try without {LITERAL}")
    assert LITERAL not in f"{error} {error.problems!r}"
    assert "cannot log in with ***" in str(error)


@given(st.text(min_size=4).filter(lambda text: text.strip() == text))
def test_a_hidden_value_is_in_no_text_whatever_it_is(value: str) -> None:
    Secret(value, literal=True)
    text = redact(f"a {value} b {value!r} {json.dumps(value)}")
    assert value not in text.replace("***", "\0")
