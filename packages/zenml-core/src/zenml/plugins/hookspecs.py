"""Every hook of ZenML: the whole extension surface.

Registration hooks take nothing and return `Spec` rows of one kind. They are called to list what is installed, so they
must not import what they name, nor read files, nor talk to a network. ZenML remembers what they returned until the
plugin's files change.

Life-cycle hooks are told, in plain strings, what happens to a run. They are called in the process that runs the
pipeline. Whatever they raise is reported and never fails the run.
"""

from __future__ import annotations

from zenml.plugins.markers import SPEC, hookspec
from zenml.plugins.specs import Spec

# --- what a plugin offers -------------------------------------------------------------------------------------------


@hookspec
def zenml_orchestrator_backends() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return backends that run whole pipelines: subclasses of `OrchestratorBackend`."""


@hookspec
def zenml_processing_backends() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return engines that work on the shards of a data step: subclasses of `ProcessingBackend`."""


@hookspec
def zenml_training_backends() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return backends that run a trainer step: subclasses of `TrainingBackend`."""


@hookspec
def zenml_deployer_backends() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return backends that serve models: subclasses of `DeployerBackend`."""


@hookspec
def zenml_steps() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return steps: subclasses of `Step`. The end of its name (`…Trainer`) chooses the facade that serves a step."""


@hookspec
def zenml_datasources() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return steps that a pipeline begins with: subclasses of `Datasource`."""


@hookspec
def zenml_artifact_stores() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return places that keep artifacts: subclasses of `ArtifactStore`."""


@hookspec
def zenml_metadata_stores() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return databases that record runs: subclasses of `MetadataStore`."""


@hookspec
def zenml_secret_resolvers() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return resolvers of secret references; the name is the reference's scheme (`gcp` for `gcp:NAME`)."""


@hookspec
def zenml_cli_commands() -> list[Spec]:  # type: ignore[empty-body] # a declaration
    """Return commands of the command line; the name is the command's, the target a `click.Command`."""


# --- what happens to a run ------------------------------------------------------------------------------------------


@hookspec
def zenml_before_step(run: str, step: str) -> None:
    """Hear that a step is about to run; a step served from the cache is not announced.

    Args:
        run: the run's id.
        step: the step's id in the pipeline.
    """


@hookspec
def zenml_after_step(run: str, step: str, state: str) -> None:
    """Hear that a step ended and is recorded.

    Args:
        run: the run's id.
        step: the step's id in the pipeline.
        state: COMPLETE, CACHED, FAILED, CANCELED or SKIPPED.
    """


@hookspec
def zenml_run_finished(run: str, pipeline: str, state: str) -> None:
    """Hear that a run ended and is recorded.

    Args:
        run: the run's id.
        pipeline: the pipeline's name.
        state: COMPLETE, FAILED or CANCELED.
    """


KIND_OF = {
    "zenml_orchestrator_backends": "orchestrator",
    "zenml_processing_backends": "processing",
    "zenml_training_backends": "training",
    "zenml_deployer_backends": "deployer",
    "zenml_steps": "step",
    "zenml_datasources": "datasource",
    "zenml_artifact_stores": "artifact-store",
    "zenml_metadata_stores": "metadata-store",
    "zenml_secret_resolvers": "secret-resolver",
    "zenml_cli_commands": "cli-command",
}
"""Registration hooks, and the kind of the specs that each returns."""

HOOKS = tuple(name for name, value in list(globals().items()) if hasattr(value, SPEC))
"""Names of all hooks."""
