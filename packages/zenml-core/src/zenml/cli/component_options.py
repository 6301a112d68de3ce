"""Options of a command from the fields of a component's class, so that a third party's store has its own too."""

from __future__ import annotations

import inspect
import re
import sys
import types
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import click

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from zenml.spec.component import Component

_SHORT = {"password": ("--passwd",), "path": ("--uri",)}
"""Further names of an option, by field."""


def options_of(cls: type[Component]) -> list[click.Option]:
    """Return an option for each field of a component.

    An option that is not given is left to the field's default. What is given goes to the field as text, which checks
    it; a secret that is `-` is read from standard input.
    """
    told = _told(cls)
    return [_option(name, field, told.get(name, "")) for name, field in cls.model_fields.items()]


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def _option(name: str, field: FieldInfo, told: str) -> click.Option:
    from zenml.secrets import Secret

    kinds = [kind for kind in _kinds(field.annotation) if kind is not type(None)]
    flag = f"--{name.replace('_', '-')}"
    if kinds == [bool]:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], default=None, help=told)
    names = [*_SHORT.get(name, ()), flag, name]
    if Secret in kinds:
        told = f"{told} - reads it from standard input.".strip()
        return click.Option(names, metavar="SECRET", callback=_from_stdin, help=told)
    if kinds and all(get_origin(kind) is Literal for kind in kinds):
        choices = [str(choice) for kind in kinds for choice in get_args(kind)]
        return click.Option(names, type=click.Choice(choices), default=None, help=told)
    metavar = kinds[0].__name__.upper() if len(kinds) == 1 and kinds[0] in (int, float) else "TEXT"
    plain = not kinds or any(kind in (str, int, float) for kind in kinds)
    return click.Option(names, metavar=metavar, callback=None if plain else _from_yaml, help=told)


def _kinds(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def _from_stdin(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    return sys.stdin.read().rstrip("\r\n") if value == "-" else value


def _from_yaml(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    import yaml

    try:
        return None if value is None else yaml.safe_load(value)
    except yaml.YAMLError:
        raise click.BadParameter("it is not YAML") from None


def _told(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class and of its bases say of their arguments."""
    found: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        text = inspect.cleandoc(owner.__doc__ or "")
        arguments = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", text, re.MULTILINE)
        for row in re.split(r"\n(?=    \w)", arguments[1] if arguments else ""):
            name, _, what = row.partition(":")
            words = " ".join(what.replace("`", "").split())
            found[name.strip()] = words[:1].upper() + words[1:]
    return found
