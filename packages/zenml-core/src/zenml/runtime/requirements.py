"""Requirements: what must be installed where a pipeline runs, and what is wrong with what is installed there."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from zenml import __version__
from zenml.errors import Problem
from zenml.plugins.scan import CORE, normalise
from zenml.runtime.environment import installed

PYTHON = "python"
"""The key under which `installed_here` gives the version of Python."""


@dataclass(frozen=True)
class Need:
    """A distribution that a run needs.

    Args:
        name: as pip knows it.
        version: the version installed here; empty where it is not.
        where: the steps, modules and settings that need it.
        specifier: the versions that fit, as the spec or another distribution says; empty for any.
        install: what to give pip so that it installs it.
        travels: whether it is installed editable here, so that the code package brings it.
    """

    name: str
    version: str
    where: tuple[str, ...]
    specifier: str = ""
    install: str = ""
    travels: bool = False

    @property
    def key(self) -> str:
        """The name as indexes compare it."""
        return normalise(self.name)

    @property
    def place(self) -> str:
        """What needs it, for a message."""
        first, *more = self.where or ("",)
        return f"{first} and {len(more)} more" if more else first

    def fits(self, version: str | None) -> bool:
        """Say whether an installed version does."""
        return version is not None and SpecifierSet(self.specifier).contains(version, prereleases=True)


@dataclass(frozen=True)
class Stray:
    """A module that no distribution brought and that does not travel.

    Args:
        module: its dotted name.
        where: what needs it.
        file: where it lies here.
    """

    module: str
    where: str
    file: str


@dataclass(frozen=True)
class Requirements:
    """What a run needs besides its own code.

    Args:
        needs: distributions, by name, sorted; not the core.
        python: the version of Python here.
        wanted_python: the one that the spec is made for; None for any.
        core: the version of zenml-core here.
        install: whether the run may install what is missing.
        strays: modules that cannot be had there.
    """

    needs: tuple[Need, ...]
    python: str = platform.python_version()
    wanted_python: str | None = None
    core: str = __version__
    install: Literal["never", "missing"] = "never"
    strays: tuple[Stray, ...] = ()

    @property
    def travelling(self) -> tuple[str, ...]:
        """The distributions that the code package must bring as wheels."""
        return tuple(need.name for need in self.needs if need.travels)

    def missing(self, installed: Mapping[str, str]) -> list[Need]:
        """Return what is not installed, or in no version that fits, and does not travel either.

        Args:
            installed: versions by name, as `installed_here` gives them there.
        """
        there = _by_key(installed)
        return [need for need in self.needs if not need.travels and not need.fits(there.get(need.key))]

    def problems(self, installed: Mapping[str, str]) -> list[Problem]:
        """Return what keeps the pipeline from running there.

        What the run itself is allowed to install is none.

        Args:
            installed: versions by name, as `installed_here` gives them there.
        """
        there = _by_key(installed)
        found = [*self._python_problems(there), *self._core_problems(there)]
        for stray in self.strays:
            what = f"the module {stray.module} ({stray.file}) is neither under a source root nor of a distribution"
            mend = "Name its folder in environment.source_roots, or install it: pip install -e FOLDER"
            found.append(Problem(f"{what}, so it does not travel", stray.where, mend))
        if self.install == "missing":
            return found
        for need in self.missing(installed):
            version = there.get(need.key)
            asked = f"{need.name}{need.specifier or (f'=={need.version}' if need.version else '')}"
            if version is None:
                what, verb = f"{need.name} is not installed where the pipeline is to run", "Add"
            else:
                what, verb = f"{need.name} {version} is installed where the pipeline is to run", "Change it to"
                what = f"{what}, and {need.specifier} is needed"
            mend = f"{verb} {asked} in the image, or let the run install it: environment.install: missing"
            found.append(Problem(what, need.place, mend))
        return found

    def warnings(self, installed: Mapping[str, str]) -> list[Problem]:
        """Return what differs there and may matter.

        Args:
            installed: versions by name, as `installed_here` gives them there.
        """
        there = _by_key(installed)
        found = []
        if self.wanted_python is None and PYTHON in there and _minor(there[PYTHON]) != _minor(self.python):
            what = f"Python is {there[PYTHON]} there and {self.python} here"
            found.append(Problem(what, "environment.python", f"To refuse that, set it to {_minor(self.python)}"))
        missing = {need.key for need in self.missing(installed)}
        for need in self.needs:
            version = there.get(need.key)
            if version and need.version and version != need.version and not need.travels and need.key not in missing:
                found.append(Problem(f"{need.name} is {version} there and {need.version} here", need.place))
        return found

    def _python_problems(self, there: Mapping[str, str]) -> Iterator[Problem]:
        wanted, version = self.wanted_python, there.get(PYTHON)
        if wanted and version and _minor(version) != _minor(wanted):
            what = f"the pipeline is made for Python {wanted}, and Python {version} would run it"
            yield Problem(what, "environment.python", f"Choose an image with Python {_minor(wanted)}, or mend the spec")

    def _core_problems(self, there: Mapping[str, str]) -> Iterator[Problem]:
        version, own = there.get(CORE), _minor(self.core)
        if version is None:
            yield Problem(f"{CORE} is not installed where the pipeline is to run", mend=f"Add {CORE}=={own}.* there")
        elif _minor(version) != own:
            if _release(version) < _release(self.core):
                mend = f'Use an image with {CORE} {own}, or run here: pip install "{CORE}=={_minor(version)}.*"'
            else:
                mend = f'Run here: pip install --upgrade "{CORE}=={_minor(version)}.*", or use an image with {own}'
            yield Problem(f"{CORE} is {version} there and {self.core} here, which may not understand each other",
                          mend=mend)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the requirements in JSON types."""
        data = asdict(self)
        data["needs"] = [{**asdict(need), "where": list(need.where)} for need in self.needs]
        data["strays"] = [asdict(stray) for stray in self.strays]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the requirements that `to_json` wrote."""
        needs = tuple(Need(**{**need, "where": tuple(need["where"])}) for need in data["needs"])
        strays = tuple(Stray(**stray) for stray in data["strays"])
        return cls(**{**data, "needs": needs, "strays": strays})


def installed_here() -> dict[str, str]:
    """Return the versions of all distributions that can be imported here by name, and that of Python as `python`."""
    return {**_by_key(installed()), PYTHON: platform.python_version()}


def _by_key(installed: Mapping[str, str]) -> dict[str, str]:
    return {normalise(name): version for name, version in installed.items()}


def _release(version: str) -> tuple[int, ...]:
    try:
        return Version(version).release
    except InvalidVersion:
        return ()


def _minor(version: str) -> str:
    return ".".join(map(str, _release(version)[:2])) or version
