"""What is completed in a shell: ids of runs and steps, and names of pipelines.

Nobody waits for a completion, and nobody wants an error in its place: where the metadata store cannot be read, or not
at once, there is none.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from zenml.metadata.store import MetadataStore

SECONDS = 2.0
"""How long a completion may take."""

_SHOWN = 50
_LOOKED_AT = 500


class Names(Protocol):
    """What completions read of a metadata store."""

    def runs(self, prefix: str, limit: int) -> list[tuple[str, str, str]]:
        """Return id, pipeline and recorded state of the newest runs whose ids begin so."""

    def steps(self, run: str) -> list[tuple[str, str]]:
        """Return id and type of each step of a run."""

    def pipelines(self) -> list[str]:
        """Return the names of all pipelines."""


class _StoreNames:
    """Names in any metadata store."""

    def __init__(self, store: MetadataStore) -> None:
        self._store = store

    def runs(self, prefix: str, limit: int) -> list[tuple[str, str, str]]:
        found = self._store.list_runs(limit=None if prefix else limit)
        return [(run.id, run.pipeline, str(run.state)) for run in found if run.id.startswith(prefix)][:limit]

    def steps(self, run: str) -> list[tuple[str, str]]:
        found = self._store.get_run(run)
        return [(step.id, step.type) for step in found.steps] if found else []

    def pipelines(self) -> list[str]:
        return self._store.list_pipelines()


def run_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a run, the newest first."""
    return _runs(incomplete, lambda _: True)


def resumable_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a run that did not complete."""
    return _runs(incomplete, lambda state: state != "COMPLETE")


def running_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a run that is going on."""
    return _runs(incomplete, lambda state: state in ("PENDING", "RUNNING"))


def step_ids(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a step of the run that was named before it."""

    def look(names: Names) -> list[tuple[str, str]]:
        run = str(context.params.get("run_id") or "")
        found = names.runs(run, 2) if run else []
        return names.steps(found[0][0]) if len(found) == 1 else []

    return [CompletionItem(step, help=kind) for step, kind in _asked(look) if step.startswith(incomplete)]


def pipeline_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a pipeline."""
    found = _asked(lambda names: names.pipelines())
    return [CompletionItem(_escaped(name)) for name in found if name.startswith(incomplete)]


def _runs(incomplete: str, wanted: Callable[[str], bool]) -> list[CompletionItem]:
    found = _asked(lambda names: names.runs(incomplete, _LOOKED_AT))
    rows = [CompletionItem(run, help=f"{pipeline} {state}") for run, pipeline, state in found if wanted(state)]
    return rows[:_SHOWN]


def _escaped(name: str) -> str:
    """Return a name as the shell takes it: bash alone puts it into the line as it is, less one backslash."""
    in_bash = os.environ.get("_ZENML_COMPLETE", "").startswith("bash")
    return name.replace(" ", r"\\ ") if in_bash else name


def _asked(look: Callable[[Names], Iterable[Any]]) -> list[Any]:
    """Return what a look at the metadata store gives; nothing where that fails, or takes too long."""
    found: list[Any] = []

    def work() -> None:
        try:
            names = _names()
            found.extend(look(names) if names else ())
        except BaseException:  # noqa: BLE001 - whatever goes wrong, a plugin that exits too: there is no completion
            return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return list(found)


def _names() -> Names | None:
    """Return what is read: a SQLite file directly, any other store through its class."""
    from zenml.config.repository import FOLDER, find_root
    from zenml.metadata.glance import Glance

    root = find_root()
    if root is None:
        return None
    block = _configured(root / FOLDER / "config.yaml")
    if block is None:
        return Glance(root / FOLDER / "metadata.db")
    if block["type"] == "SQLiteMetadataStore":
        return Glance(root / Path(block.get("config", {}).get("path", f"{FOLDER}/metadata.db")).expanduser())
    from zenml.config.settings import metadata_store

    return _StoreNames(metadata_store(root))


def _configured(path: Path) -> dict[str, Any] | None:
    """Return the configured metadata store as it is written; None where none is."""
    if not path.exists():
        return None
    import yaml

    found: dict[str, Any] | None = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("metadata_store")
    return found
