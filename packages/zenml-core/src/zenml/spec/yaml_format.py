"""The YAML form of a spec: written in a stable order, read with the line of every problem.

Plain scalars follow the core schema of YAML 1.2 (`1e-3` is a number; `yes` and `12:30` are strings), which is
what people expect of a configuration file; https://yaml.org/spec/1.2.2/#103-core-schema.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import ValidationError

from zenml.errors import Problem, SpecError, closest
from zenml.spec.model import FORMAT_VERSION, PipelineSpec

Path = tuple[str | int, ...]

_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")


class _Loader(yaml.SafeLoader):
    """SafeLoader with the resolvers of YAML 1.2's core schema."""


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes whatever either version of YAML would read as something else than a string."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Loader.yaml_implicit_resolvers = {}
_Dumper.yaml_implicit_resolvers = {key: list(rows) for key, rows in yaml.SafeDumper.yaml_implicit_resolvers.items()}
for _tag, _pattern, _first in (
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF"),
    ("null", re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern.pattern})$"), list(_first))


def _integer(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(node.value)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


@dataclass
class Lines:
    """Where the parts of a spec stand in its file.

    Args:
        source: the file's name, as problems should show it.
        numbers: path of keys and indices to line number, counted from 1.
    """

    source: str = ""
    numbers: dict[Path, int] = field(default_factory=dict)

    def where(self, path: Path) -> str:
        """Return `FILE:LINE: steps[2].config`, with the line of the nearest part that the file holds."""
        spot = path_text(path)
        if not self.source:
            return spot
        for length in range(len(path), -1, -1):
            if path[:length] in self.numbers:
                return f"{self.source}:{self.numbers[path[:length]]}" + (f": {spot}" if spot else "")
        return self.source


def path_text(path: Path) -> str:
    """Return a path as people write it: `steps[2].config.split_map`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def write_yaml(spec: PipelineSpec) -> str:
    """Return the spec as YAML; equal specs give equal text."""
    text: str = yaml.dump(spec.to_data(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


class _ReadableDumper(_Dumper):
    """_Dumper that writes texts of several lines as such."""


_ReadableDumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def write_documents(documents: Iterable[Any]) -> str:
    """Return JSON types as YAML documents for people to read."""
    text: str = yaml.dump_all(documents, Dumper=_ReadableDumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def read_yaml(text: str, source: str = "") -> tuple[PipelineSpec, Lines]:
    """Read a spec and the lines of its parts.

    Args:
        text: the YAML text.
        source: the file's name for messages.

    Raises:
        SpecError: every problem found, each with its line.
    """
    lines = Lines(source)
    problems: list[Problem] = []
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                _collect(node, (), lines, problems)
            data = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise SpecError(_syntax_problem(error, source)) from None
    if not isinstance(data, dict):
        raise SpecError("a pipeline spec is a mapping with at least the keys zenml, name and steps", source)
    version = data.get("zenml")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise SpecError(
            f"this file has format version {version}; this ZenML reads up to {FORMAT_VERSION}",
            lines.where(("zenml",)),
            "Upgrade: pip install --upgrade zenml-core",
        )
    if version is None:
        problems.append(Problem(f"the format version is missing; write zenml: {FORMAT_VERSION}", lines.where(())))
    try:
        spec = PipelineSpec.model_validate(data)
    except ValidationError as error:
        problems += [_problem(row, lines) for row in error.errors(include_url=False)]
        raise SpecError(problems) from None
    if problems:
        raise SpecError(problems)
    return spec, lines


def _collect(node: yaml.Node, path: Path, lines: Lines, problems: list[Problem]) -> None:
    """Note the line of every part below `node`, and find keys that stand twice."""
    lines.numbers.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _collect(item, (*path, number), lines, problems)
    elif isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            name = str(key.value)
            lines.numbers[(*path, name)] = key.start_mark.line + 1
            if name in seen:
                problems.append(Problem(f"the key {name!r} stands twice", lines.where((*path, name))))
            seen.add(name)
            _collect(value, (*path, name), lines, problems)


def _syntax_problem(error: yaml.YAMLError, source: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"{source}:{mark.line + 1}" if mark and source else source
    return Problem(f"not valid YAML: {getattr(error, 'problem', None) or error}", where)


def _problem(row: Any, lines: Lines) -> Problem:
    path: Path = tuple(row["loc"])
    if row["type"] == "extra_forbidden":
        known = _fields_at(path[:-1])
        return Problem(
            f"unknown key {path[-1]!r}",
            lines.where(path),
            closest(str(path[-1]), known) or f"Known: {', '.join(known)}",
        )
    if row["type"] == "missing":
        return Problem(f"the key {path[-1]!r} is missing", lines.where(path[:-1]))
    if path[-1:] == ("name",) and row["type"] == "string_pattern_mismatch":
        what = "a pipeline name begins with a letter or digit and has up to 63 letters, digits, spaces, and . _ -"
        return Problem(f"{what}; got {row['input']!r}", lines.where(path))
    shown = "" if row["type"] == "value_error" else f", got {str(row['input'])[:80]!r}"
    return Problem(row["msg"].removeprefix("Value error, ") + shown, lines.where(path))


def _fields_at(path: Path) -> list[str]:
    """Return the keys that the spec format knows at a path."""
    from zenml.spec.model import ComponentSpec, EnvironmentSpec, RunSpec, StepSpec

    names = tuple(part for part in path if isinstance(part, str))
    models: dict[tuple[str, ...], Any] = {
        (): PipelineSpec,
        ("steps",): StepSpec,
        ("environment",): EnvironmentSpec,
        ("run",): RunSpec,
    }
    return list(models.get(names, ComponentSpec).model_fields)
