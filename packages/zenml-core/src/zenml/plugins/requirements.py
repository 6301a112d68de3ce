"""Requirements: which of a distribution's dependencies are not installed in a version that fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from zenml.plugins.scan import Needs, Unmet, normalise

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def unmet(requires: Iterable[str], installed: Mapping[str, str]) -> tuple[Needs, list[Unmet]]:
    """Compare `Requires-Dist` with what is installed.

    Args:
        requires: requirements, with markers.
        installed: version by normalised name.

    Returns:
        The version found of each distribution that is required here, and the requirements that are not met.
    """
    needs: Needs = {}
    missing: list[Unmet] = []
    for text in requires:
        requirement = _parse(text)
        if requirement is None:
            continue
        name = normalise(requirement.name)
        version = installed.get(name)
        needs[name] = version
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            missing.append((name, f"{requirement.name}{requirement.specifier}"))
    return needs, missing


@lru_cache(maxsize=4096)
def _parse(text: str) -> Requirement | None:
    """Return a requirement, or None when it is for another system, for an extra, or cannot be read."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return requirement if requirement.marker is None or requirement.marker.evaluate({"extra": ""}) else None
