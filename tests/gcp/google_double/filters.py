"""The filters of listings, as far as they are used: `labels.KEY:*`, `labels.KEY=VALUE`, `FIELD = "VALUE"`."""

from __future__ import annotations

import re
from typing import Any

from google_double.refusal import Refusal

_LABEL = re.compile(r"labels\.([a-z][a-z0-9_-]*)(:\*|=([a-z0-9_-]+))")
_FIELD = re.compile(r'(\w+) = "([^"]*)"')


def chosen(body: dict[str, Any], text: str) -> bool:
    """Tell whether a filter chooses a resource.

    Raises:
        Refusal: the filter cannot be read.
    """
    if not text:
        return True
    label, field = _LABEL.fullmatch(text), _FIELD.fullmatch(text)
    if label:
        value = body.get("labels", {}).get(label[1])
        return value is not None and (label[2] == ":*" or value == label[3])
    if field:
        return str(body.get(field[1], "")) == field[2]
    raise Refusal(400, f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.")
