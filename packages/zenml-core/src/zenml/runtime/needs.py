"""Needs: which distributions a pipeline's steps, backends, stores and secrets come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel

from zenml.artifacts.schemes import scheme_of, store_class
from zenml.artifacts.store import ArtifactStore
from zenml.datasources.base import Datasource
from zenml.errors import Problem, SpecError
from zenml.plugins.registry import find, registry, type_name
from zenml.plugins.scan import CORE, normalise
from zenml.runtime.code_digest import code_of
from zenml.runtime.distributions import Distributions, is_standard, locate
from zenml.runtime.graph import Graph, Node
from zenml.runtime.imports import find_module, outside_imports
from zenml.runtime.installing import without_credentials
from zenml.runtime.pinned_step import PinnedStep
from zenml.runtime.requirements import Need, Requirements, Stray
from zenml.secrets import Secret
from zenml.spec.component import Component
from zenml.spec.model import EnvironmentSpec, PipelineSpec

_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")


def requirements_of(graph: Graph, root: Path, stores: Iterable[Component] = ()) -> Requirements:
    """Return what the run of a pipeline needs besides the user's own code.

    Args:
        graph: the pipeline; the orchestrator of its spec stays here and counts for nothing.
        root: the repository root.
        stores: the stores that the run uses.

    Raises:
        SpecError: the spec's `environment.requirements` cannot be read.
    """
    collector = _Collector([root / folder for folder in graph.spec.environment.source_roots])
    _ask_for_named(collector, graph.spec.environment)
    for node in graph.nodes:
        collector.add_step(node)
    for store in stores:
        collector.add_component(store, type(store).__name__)
    return collector.requirements(graph.spec.environment)


def requirements_of_step(node: Node, spec: PipelineSpec, root: Path, op: type) -> Requirements:
    """Return what workers need that work on the shards of one step.

    Args:
        node: the step.
        spec: the pipeline that it is in.
        root: the repository root.
        op: the class of their operation.

    Raises:
        SpecError: the spec's `environment.requirements` cannot be read.
    """
    collector = _Collector([root / folder for folder in spec.environment.source_roots])
    _ask_for_named(collector, spec.environment)
    collector.add_step(node)
    collector.add_class(op, f"step {node.id}, {op.__name__}")
    return collector.requirements(spec.environment)


def _ask_for_named(collector: _Collector, environment: EnvironmentSpec) -> None:
    problems = []
    for text in environment.requirements:
        shown = repr(without_credentials(text))
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            mend = "Write it as for pip: lightgbm>=4"
            problems.append(Problem(f"{shown} is no requirement", "environment.requirements", mend))
            continue
        if _holds_password(requirement.url or ""):
            mend = "Write ${NAME} in its place; pip puts the environment variable NAME there"
            problems.append(Problem(f"a password stands in {shown}", "environment.requirements", mend))
        collector.ask(requirement, "environment.requirements")
    if problems:
        raise SpecError(problems)


class _Collector:
    """Gathers needs, each with all that asks for it.

    Args:
        roots: absolute folders of the user's modules.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.strays: dict[str, Stray] = {}
        self._roots = tuple(root.resolve() for root in roots)
        self._installed = Distributions()
        self._offers = {row.name: row.distribution for row in registry().rows() if row.target}
        self._where: dict[str, dict[str, None]] = {}
        self._specifiers: dict[str, set[str]] = {}
        self._asked: dict[str, Requirement] = {}

    def add_step(self, node: Node) -> None:
        """Add what a step and its backend need."""
        step, where = node.step, f"step {node.id}"
        if isinstance(step, PinnedStep):
            for name in step.own.versions:
                self.add(name, where)
        else:
            self.add_component(step, where)
            for kind in step.code_classes():
                self.add_class(kind, where)
        for name in (*step.VERSIONED_BY, getattr(step, "FRAMEWORK", "")):
            if name:
                self.add(name, where)
        if isinstance(step, Datasource) and not step.snapshot:
            for value in step.model_dump(mode="json").values():
                if isinstance(value, str):
                    self._add_file_system(value, where)
        if node.backend:
            self.add_component(node.backend, f"{where}, {type(node.backend).__name__}")

    def add_component(self, component: Component, where: str) -> None:
        """Add what a step, backend or store needs: its class, what talks for it, and what resolves its secrets."""
        self.add_class(type(component), where)
        driver = getattr(component, "DRIVER", "")
        if driver:
            self._add_module(driver, where)
        if isinstance(component, ArtifactStore):
            served = store_class(component.path) if scheme_of(component.path) not in ("", "file") else None
            if served:
                self.add_class(served, where)
            else:
                self._add_file_system(component.path, where)
        for reference in _references(component):
            resolver = find(reference.partition(":")[0], ("secret-resolver",))
            self.add(resolver.distribution, f"{where}, secret {reference}")

    def add_class(self, kind: type, where: str) -> None:
        """Add the distribution that a class comes from, or what its module and those under the source roots import."""
        name = type_name(kind)
        if ":" not in name:
            self.add(self._offers.get(name, CORE), where)
            return
        if find_module(kind.__module__, self._roots):
            for found in outside_imports(code_of(kind, self._roots).modules, self._roots):
                if not found.optional:
                    self._add_module(found.name, f"{where}: {found.module} imports {found.name}")
        else:
            self._add_module(kind.__module__, where)

    def _add_module(self, dotted: str, where: str) -> None:
        if dotted.partition(".")[0] == "zenml":
            offered = self._offers.get(dotted.rpartition(".")[2])  # a facade serves the classes of all distributions
            if offered:
                self.add(offered, where)
            return
        name = self._installed.of_module(dotted)
        if name:
            self.add(name, where)
            return
        path = locate(dotted)
        if path and not is_standard(path):
            self.strays.setdefault(dotted.partition(".")[0], Stray(dotted.partition(".")[0], where, str(path)))

    def _add_file_system(self, url: str, where: str) -> None:
        from fsspec.registry import known_implementations

        scheme = urlsplit(url).scheme if "://" in url else ""
        target = known_implementations.get(scheme, {}).get("class", "")
        if target and not target.startswith("fsspec."):
            self._add_module(target.rpartition(".")[0], f"{where}: {scheme}://")

    def ask(self, requirement: Requirement, where: str) -> None:
        """Add what a requirement names, unless it is for other systems."""
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            self._asked.setdefault(normalise(requirement.name), requirement)
            self._specifiers.setdefault(normalise(requirement.name), set()).add(str(requirement.specifier))
            self.add(requirement.name, where)

    def add(self, name: str, where: str) -> None:
        """Add a distribution; one that is installed editable asks for what it needs itself."""
        key = normalise(name)
        known = key in self._where
        self._where.setdefault(key, {})[where] = None
        distribution = self._installed.get(key)
        if known or key == CORE or distribution is None or key not in self._installed.editable:
            return
        for text in distribution.requires or ():
            self.ask(Requirement(text), f"{distribution.name}, which is installed editable")

    def requirements(self, environment: EnvironmentSpec) -> Requirements:
        """Return all that was added, with what the spec says of Python and of installing."""
        return Requirements(
            self.needs(),
            wanted_python=environment.python,
            install=environment.install,
            strays=tuple(self.strays[module] for module in sorted(self.strays)),
        )

    def needs(self) -> tuple[Need, ...]:
        """Return what was added, without the core."""
        return tuple(self._need(key) for key in sorted(self._where) if key != CORE)

    def _need(self, key: str) -> Need:
        distribution = self._installed.get(key)
        asked = self._asked.get(key)
        name = distribution.name if distribution else asked.name if asked else key
        version = distribution.version if distribution else ""
        specifier = ",".join(sorted(filter(None, self._specifiers.get(key, ()))))
        extras = f"[{','.join(sorted(asked.extras))}]" if asked and asked.extras else ""
        if asked and asked.url:
            install = str(asked)
        elif specifier or not distribution:
            install = f"{name}{extras}{specifier}"
        else:
            install = _pin(f"{name}{extras}", version, self._installed.source(key))
        return Need(name, version, tuple(self._where[key]), specifier, install, key in self._installed.editable)


def _holds_password(url: str) -> bool:
    """Say whether a URL holds a password, or a token in a user's place, rather than a variable's name."""
    parts = urlsplit(url)
    user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
    secret = password if colon else user if parts.scheme.endswith(("http", "https")) else ""
    return bool(secret) and not _VARIABLE.fullmatch(secret)


def _pin(name: str, version: str, source: Mapping[str, Any]) -> str:
    """Return what makes pip install the same again."""
    control = source.get("vcs_info")
    if control:
        return f"{name} @ {control['vcs']}+{source['url']}@{control['commit_id']}"
    if "archive_info" in source and not source["url"].startswith("file:"):
        return f"{name} @ {source['url']}"
    try:
        return f"{name}=={Version(version).public}"
    except InvalidVersion:
        return f"{name}=={version}"


def _references(value: object) -> Iterator[str]:
    """Give the references of all secrets in a component's fields."""
    if isinstance(value, Secret):
        if value.reference:
            yield value.reference
    elif isinstance(value, BaseModel):
        for part in value.__dict__.values():
            yield from _references(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from _references(part)
