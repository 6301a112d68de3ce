"""Objects: the lines of a file read one by one, where Arrow's parser cannot tell what is wrong with one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

MEND = "Each line must be one JSON object"


class Number(str):
    """A number as it is written."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of an object, in order, repeated names included."""


@dataclass(frozen=True)
class BadLine:
    """A line that is no JSON object.

    Args:
        what: what is wrong with it.
        reason: the kind of what is wrong with it, one of a few.
        member: the member that is to blame, if one is.
    """

    what: str
    reason: str
    member: str | None = None
    mend: ClassVar[str] = MEND


def lines_of(block: bytes) -> list[bytes]:
    """Return the lines that are not blank."""
    return [line for line in block.split(b"\n") if line.strip()]


def parse_lines(block: bytes) -> Iterator[dict[str, Any] | BadLine]:
    """Yield each line that is not blank as a dict of its members, or what is wrong with it."""
    yield from map(_parse, lines_of(block))


def _parse(line: bytes) -> dict[str, Any] | BadLine:
    try:
        found = _DECODER.decode(line.decode("utf-8-sig").strip())
    except UnicodeDecodeError as error:
        return BadLine(f"byte {error.start + 1} of the line is not UTF-8 text", "not UTF-8 text")
    except json.JSONDecodeError as error:
        return BadLine(f"the line is not JSON: {error.msg} at character {error.pos + 1}", "not JSON")
    except RecursionError:
        return BadLine("the line is nested too deeply", "nested too deeply")
    if not isinstance(found, Members):
        return BadLine(f"the line holds {describe(found)}, not an object", "not an object")
    members = dict(found)
    if len(members) < len(found):
        names = [name for name, _ in found]
        repeated = next(name for name in members if names.count(name) > 1)
        return BadLine(
            f"the object has {names.count(repeated)} members called {repeated!r}", "a repeated member", repeated
        )
    return members


def _constant(name: str) -> Number:
    return Number(name)


_DECODER = json.JSONDecoder(object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=_constant)


def describe(value: Any) -> str:
    """Say what kind of value this is."""
    if isinstance(value, Members):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "null" if value is None else "true or false"


def written(value: Any) -> str:
    """Return a value as JSON, for a message."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Members):
        return "{" + ", ".join(f"{json.dumps(name)}: {written(each)}" for name, each in value[:3]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(each) for each in value[:3]) + "]"
    return json.dumps(value, ensure_ascii=False)
