"""What plugins say about what they offer: plain rows, so that listing imports nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from zenml.errors import PluginError, Problem, closest

HOOK_API = "1.0"
"""Version of the hooks and of these rows; a plugin declares the range that it fits in `ZENML_HOOK_API`."""

BACKEND_KINDS = ("orchestrator", "processing", "training", "deployer")
"""The kinds of backend."""

KINDS = (
    *BACKEND_KINDS,
    "step",
    "datasource",
    "artifact-store",
    "metadata-store",
    "secret-resolver",
    "cli-command",
)
"""Everything that a plugin can offer."""

UNREADABLE = "plugin"
"""Kind of the row that stands for a plugin whose specs cannot be read."""


class Capability(StrEnum):
    """What a backend can do beyond what its interface demands; a conformance test skips only on a declared gap."""

    LOGS = "logs"
    """Shows and follows the logs of a run that is somewhere else."""
    CANCEL = "cancel"
    """Stops a run on request."""
    SPOT = "spot"
    """Runs on preemptible machines, and tells a preemption from a failure."""
    GPU = "gpu"
    """Gives a step accelerators."""
    DISTRIBUTED = "distributed"
    """Spreads one step over several processes or machines."""
    SECRETS = "secrets"
    """Delivers secrets without writing them into what it submits."""
    DEADLINE = "deadline"
    """Ends a run that takes longer than allowed, even when the client is gone."""
    RETRIES = "retries"
    """Starts a failed run or step again."""


class State(StrEnum):
    """Whether what a plugin offers can be used."""

    AVAILABLE = "available"
    MISSING_DEPENDENCY = "missing-dependency"
    BROKEN = "broken"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True, slots=True)
class Spec:
    """One thing that a plugin offers.

    Args:
        name: what users and specs call it; for a class, the class's own name.
        kind: one of `KINDS`.
        target: `module:Class`; imported only when it is used.
        summary: one line for listings, without a full stop.
        capabilities: what it can do beyond its interface.

    Raises:
        PluginError: with every field that is not as described.
    """

    name: str
    kind: str
    target: str
    summary: str
    capabilities: tuple[Capability, ...] = ()

    def __post_init__(self) -> None:
        problems = [*_problems(self)]
        if problems:
            raise PluginError(problems)
        object.__setattr__(self, "capabilities", tuple(Capability(item) for item in self.capabilities))


def is_target(text: str) -> bool:
    """Tell whether `text` reads `package.module:Class`."""
    module, _, qualname = text.partition(":")
    return bool(qualname) and all(part.isidentifier() for part in (*module.split("."), *qualname.split(".")))


def _problems(spec: Spec) -> Iterable[Problem]:
    where = f"Spec {spec.name!r}"
    wrong = [name for name in ("name", "kind", "target", "summary") if not isinstance(getattr(spec, name), str)]
    for name in wrong:
        yield Problem(f"{name} is a {type(getattr(spec, name)).__name__}, not a string", where)
    if wrong:
        return
    if not (spec.name.isascii() and spec.name[:1].isalpha() and spec.name.replace("-", "_").isidentifier()):
        yield Problem("name must begin with a letter and hold letters, digits, _ and - only", where)
    if spec.kind not in KINDS:
        yield Problem(
            f"there is no kind {spec.kind!r}", where, closest(spec.kind, KINDS) or f"Known: {', '.join(KINDS)}"
        )
    if not is_target(spec.target):
        yield Problem(f"target {spec.target!r} does not read package.module:Class", where)
    if not spec.summary.strip() or "\n" in spec.summary:
        yield Problem("summary must be one line that is not empty", where)
    capabilities: object = spec.capabilities
    if not isinstance(capabilities, tuple | list):
        yield Problem(f"capabilities is a {type(capabilities).__name__}, not a tuple", where)
        return
    known = [str(item) for item in Capability]
    for item in capabilities:
        if item not in known:
            mend = closest(str(item), known) or f"Known: {', '.join(known)}"
            yield Problem(f"there is no capability {item!r}", where, mend)
