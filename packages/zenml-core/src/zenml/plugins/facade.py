"""Facades: modules such as `zenml.steps.trainer` that serve the classes of whatever is installed, on demand.

A facade imports nothing. A name that is asked for comes from the registry, which loads it from the distribution that
offers it, or from the facade's own `bases`: interfaces that authors subclass and that no spec can name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zenml.errors import PluginError


@dataclass(frozen=True, slots=True)
class Facade:
    """What one facade serves.

    Args:
        kind: the registry kind whose names it serves.
        suffix: only names that end so, or in one of several ways; steps are divided among the facades by it.
        bases: interfaces by name, each as `module:Class`.
    """

    kind: str
    suffix: str | tuple[str, ...] = ""
    bases: Mapping[str, str] = field(default_factory=dict)


FACADES: dict[str, Facade] = {
    "zenml.backends.orchestrator": Facade(
        "orchestrator",
        bases={
            "OrchestratorBackend": "zenml.backends.orchestrator_interface:OrchestratorBackend",
            "RemoteOrchestratorBackend": "zenml.runtime.remote:RemoteOrchestratorBackend",
        },
    ),
    "zenml.backends.processing": Facade(
        "processing", bases={"ProcessingBackend": "zenml.backends.interfaces:ProcessingBackend"}
    ),
    "zenml.backends.training": Facade(
        "training", bases={"TrainingBackend": "zenml.backends.interfaces:TrainingBackend"}
    ),
    "zenml.backends.deployer": Facade(
        "deployer", bases={"DeployerBackend": "zenml.backends.interfaces:DeployerBackend"}
    ),
    "zenml.steps.split": Facade("step", "Split", {"Split": "zenml.steps.split.base:Split"}),
    "zenml.steps.sequencer": Facade("step", "Sequencer", {"Sequencer": "zenml.steps.sequencer.base:Sequencer"}),
    "zenml.steps.preprocesser": Facade("step", "Preprocesser"),
    "zenml.steps.trainer": Facade("step", ("Trainer", "TrainerStep"), {"Trainer": "zenml.steps.trainer.base:Trainer"}),
    "zenml.steps.evaluator": Facade("step", "Evaluator"),
    "zenml.steps.deployer": Facade("step", "Deployer"),
    "zenml.steps": Facade(
        "step", bases={"Step": "zenml.steps.base:Step", "StepContext": "zenml.steps.base:StepContext"}
    ),
    "zenml.datasources": Facade("datasource", bases={"Datasource": "zenml.datasources.base:Datasource"}),
    "zenml.repo": Facade("artifact-store", bases={"Repository": "zenml.repo.repository:Repository"}),
    "zenml.metadata": Facade("metadata-store", bases={"MetadataStore": "zenml.metadata.store:MetadataStore"}),
}
"""Every facade by module; where several fit a name, the first serves it."""


class PluginImportError(PluginError, ImportError):
    """A facade does not serve a name; an ImportError, so that `from facade import name` shows the whole message."""


def home(name: str, kind: str) -> str:
    """Return the module of the facade that serves `name`, or an empty string when none does: it serves classes only."""
    if not name[:1].isupper():
        return ""  # such as the scheme of an artifact store's URLs
    fitting = (module for module, facade in FACADES.items() if facade.kind == kind and name.endswith(facade.suffix))
    return next(fitting, "")


def serve(module: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a facade.

    A name that does not begin with a capital is no class: it may be a submodule that Python is about to import, or a
    probe of some tool, and gets the usual AttributeError.
    """
    facade = FACADES[module]

    def load(name: str) -> Any:
        if not name[:1].isupper():
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
        from zenml.plugins import registry

        try:
            if name in facade.bases:
                return registry.load_type(facade.bases[name], ())
            row = registry.find(name, (facade.kind,), others=facade.bases)
            place = home(name, facade.kind)
            if facade.suffix and place != module:
                raise PluginError(f"{module} does not serve {name}", mend=f"Import it from {place}")
            return registry.load(row)
        except PluginError as error:
            raise PluginImportError(error.problems) from error.__cause__

    def names() -> list[str]:
        from zenml.plugins import registry
        from zenml.plugins.first_party import FIRST_PARTY

        installed = {row.name for row in registry.catalogue(facade.kind)}
        ours = {name for name, (_, kind) in FIRST_PARTY.items() if kind == facade.kind}
        fitting = (name for name in installed | ours if name[:1].isupper() and name.endswith(facade.suffix))
        return sorted({*facade.bases, *fitting})

    return load, names
