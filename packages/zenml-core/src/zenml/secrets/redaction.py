"""Redaction: no secret that this process has seen gets into what it prints or records."""

from __future__ import annotations

import re
import threading

from zenml.errors import hide_with

MASK = "***"
"""What stands where a secret was."""

_SHORT = 4
"""A value of fewer characters is hidden only where it stands as a word of its own: else no text could be read."""

_LINE = 16
"""A line of so many characters of a longer secret, such as a key file, is hidden by itself: logs come line by line."""

_lock = threading.Lock()
_known: set[str] = set()
_forms: set[str] = set()
_pattern: re.Pattern[str] | None = None


def remember(value: str) -> None:
    """Hide a secret from now on: as it is, and as it looks in a URL, in JSON and in a Python literal."""
    global _pattern
    if not value or value in _known:
        return
    with _lock:
        _known.add(value)
        _forms.update(_forms_of(value))
        _pattern = re.compile("|".join(_expression(form) for form in sorted(_forms, key=len, reverse=True)))


def forget() -> None:
    """Hide nothing any more; for tests, of which none should hide words of another."""
    global _pattern
    with _lock:
        _known.clear()
        _forms.clear()
        _pattern = None


def redact(text: str) -> str:
    """Return the text with `***` in place of every secret that this process was given or has looked up."""
    return _pattern.sub(MASK, text) if _pattern else text


def _forms_of(value: str) -> set[str]:
    import json
    from urllib.parse import quote, quote_plus

    lines = [line for line in map(str.strip, value.splitlines()) if len(line) >= _LINE]
    forms = set[str]()
    for text in (value, value.strip(), *lines):
        forms |= {text, quote(text), quote(text, safe=""), quote_plus(text), repr(text)[1:-1]}
        forms |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {form for form in forms if form.strip()}


def _expression(form: str) -> str:
    escaped = re.escape(form)
    return rf"(?<!\w){escaped}(?!\w)" if len(form) < _SHORT else escaped


hide_with(redact)
