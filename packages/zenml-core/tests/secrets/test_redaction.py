from __future__ import annotations

import io
import json
import sys
from urllib.parse import quote_plus

import pytest

from zenml.runtime.console import Console, print_table
from zenml.secrets.redaction import forget, redact, remember
from zenml.secrets.stream import redact_output


def test_a_text_without_secrets_is_left_as_it_is() -> None:
    assert redact("all is well") == "all is well"


@pytest.mark.parametrize("form", [str, quote_plus, lambda text: json.dumps(text)[1:-1], lambda text: repr(text)[1:-1]])
def test_a_secret_is_hidden_in_the_forms_it_takes(form) -> None:  # type: ignore[no-untyped-def] # any of four functions
    value = "p@ss w\"ör'd\\/%"
    remember(value)
    assert redact(f"mysql://root:{form(value)}@db") == "mysql://root:***@db"


def test_a_short_secret_is_hidden_as_a_word_only() -> None:
    remember("it")
    assert redact("it is written with it.") == "*** is written with ***."


def test_a_longer_secret_is_hidden_before_one_that_begins_it() -> None:
    remember("abcd")
    remember("abcdefgh")
    assert redact("abcdefgh abcd") == "*** ***"


def test_each_line_of_a_key_is_hidden_as_logs_come_by_line() -> None:
    remember("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nshort\n-----END KEY-----\n")
    assert redact("MIIEvQIBADANBgkqhkiG9w0B") == "***"
    assert redact("short") == "short"


def test_what_is_forgotten_is_shown() -> None:
    remember("a secret")
    remember("a secret")
    forget()
    assert redact("a secret") == "a secret"


def test_the_console_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    remember("hunter22")
    Console().log("hunter22 logs in")
    Console().warn("hunter22 fails")
    print_table(("Name",), [("hunter22",)])
    shown = capsys.readouterr()
    assert "hunter22" not in shown.out + shown.err
    assert shown.err.splitlines() == ["*** logs in", "Warning: *** fails"]


def test_kept_output_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None)
    redact_output()
    redact_output()
    remember("hunter22")
    print("hunter22 logs in", flush=True)
    assert sys.stdout.write("hunter22") == 8
    assert out.getvalue() == "*** logs in\n***"
    assert sys.stdout.closed is False
