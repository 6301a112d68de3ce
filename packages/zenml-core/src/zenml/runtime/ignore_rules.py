"""IgnoreRules: what a file in the syntax of `.gitignore` says of paths, without git."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_STARS = re.compile(r"\*+")
_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "xdigit": "0-9a-fA-F",
}


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    ignores: bool
    folders_only: bool
    anywhere: bool


class IgnoreRules:
    """The rules of one file; paths are relative to the folder that it counts for.

    Args:
        lines: its lines.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        found = (_rule(line) for line in lines)
        self._rules = [rule for rule in found if rule][::-1]
        self._folders: dict[str, bool] = {"": False}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; one that is not there ignores nothing.

        Raises:
            OSError: it cannot be read.
        """
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return cls(())
        return cls(line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n"))

    def verdict(self, path: str, *, folder: bool) -> bool | None:
        """Return what the last rule that fits this very path says: ignored or not; None where none fits."""
        path = _octets(path)
        name = path.rpartition("/")[2]
        for rule in self._rules:
            if (folder or not rule.folders_only) and rule.pattern.fullmatch(name if rule.anywhere else path):
                return rule.ignores
        return None

    def hides(self, path: str, *, folder: bool = False) -> bool:
        """Say whether a path, or a folder that it lies in, is ignored."""
        parent = path.rpartition("/")[0]
        if parent not in self._folders:
            self._folders[parent] = self.hides(parent, folder=True)
        return self._folders[parent] or bool(self.verdict(path, folder=folder))


def _octets(text: str) -> str:
    """Return one letter for each byte: to git a letter is a byte."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _rule(line: str) -> _Rule | None:
    line = _without_trailing_spaces(_octets(line))
    if not line or line.startswith("#"):
        return None
    ignores = not line.startswith("!")
    text = line.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    anywhere = "/" not in text
    text = text.removeprefix("/")
    expression = _expression(text) if text else None
    return _Rule(re.compile(expression, re.DOTALL), ignores, folders_only, anywhere) if expression else None


def _without_trailing_spaces(line: str) -> str:
    bare = line.rstrip(" ")
    slashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if slashes % 2 and bare != line else bare


def _expression(text: str) -> str | None:
    """Translate a pattern into a regular expression; None where it can match nothing."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "*":
            stars = _STARS.match(text, at)
            end = stars.end() if stars else at + 1
            alone = (at == 0 or text[at - 1] == "/") and (end == len(text) or text[end] == "/")
            if end - at > 1 and alone:
                parts.append(".*" if end == len(text) else "(?:.*/)?")
                at = end + 1
            else:
                parts.append("[^/]*")
                at = end
        elif letter == "?":
            parts.append("[^/]")
            at += 1
        elif letter == "[":
            translated = _bracket(text, at)
            if translated is None:
                return None
            expression, at = translated
            parts.append(expression)
        else:
            if letter == "\\":
                at += 1
                if at == len(text):
                    return None
            parts.append(re.escape(text[at]))
            at += 1
    return "".join(parts)


def _bracket(text: str, start: int) -> tuple[str, int] | None:
    """Translate `[…]`; return the expression and where the pattern goes on; None where it is not closed."""
    at = start + 1
    negated = text[at : at + 1] in ("!", "^") and at < len(text)
    at += negated
    members: list[str] = []
    first = True
    while at < len(text) and (first or text[at] != "]"):
        first = False
        named = re.compile(r"\[:(\w+):\]").match(text, at)
        if named:
            if named[1] not in _CLASSES:
                return None
            members.append(_CLASSES[named[1]])
            at = named.end()
            continue
        low, at = _member(text, at)
        if text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("", "]"):
            high, at = _member(text, at + 1)
            if low <= high:
                members.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            members.append(re.escape(low))
    if at >= len(text):
        return None
    inside = "".join(members)
    if negated:
        return f"[^/{inside}]", at + 1
    return (f"(?!/)[{inside}]" if inside else "(?!)"), at + 1


def _member(text: str, at: int) -> tuple[str, int]:
    if text[at] == "\\" and at + 1 < len(text):
        at += 1
    return text[at], at + 1
