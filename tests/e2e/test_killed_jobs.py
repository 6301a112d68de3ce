"""The machine of a job vanishes at any stage: the same command goes on, and the run ends as if nothing had been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import PrivateAttr

from zenml.artifacts.store import ArtifactStore
from zenml.backends.orchestrator import OrchestratorSubprocessBackend
from zenml.metadata.records import State
from zenml.runtime.remote import RemoteJob, Resource
from zenml.runtime.run import Run

POINTS = int(os.environ.get("ZENML_KILL_POINTS", "2"))
SEED = int(os.environ.get("ZENML_KILL_SEED", str(random.SystemRandom().randrange(10**6))))

VANISHING = """
import os, signal, sys

at, counter = int(os.environ["VANISH_AT"]), os.open(os.environ["VANISH_COUNTER"], os.O_WRONLY | os.O_APPEND)


def count(event, given):
    # A file opened for writing, made, renamed or removed is a stage; those of all processes of the job count.
    if event in ("os.mkdir", "os.rename", "os.remove", "os.link", "subprocess.Popen") or (
        event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
    ):
        os.write(counter, b".")
        if os.fstat(counter).st_size == at:
            os.killpg(0, signal.SIGKILL)


sys.addaudithook(count)
"""


class Held(OrchestratorSubprocessBackend):
    """Gives the command of its job away."""

    _resource: Resource | None = PrivateAttr(None)

    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Keep what a machine would run."""
        (self._resource,) = resources

    def live(self, folder: Path, vanish_at: int) -> tuple[int, int]:
        """Be that machine until the job ends, or the machine vanishes at a stage; return exit code and stages."""
        assert self._resource
        (folder / "counter").write_bytes(b"")
        told = {"VANISH_AT": str(vanish_at), "VANISH_COUNTER": str(folder / "counter"), "PYTHONPATH": str(folder)}
        process = subprocess.run(
            self._resource.body["command"],
            env={**os.environ, **self._resource.body["environment"], **told},
            cwd=folder,
            capture_output=True,
            start_new_session=True,
        )
        return process.returncode, (folder / "counter").stat().st_size


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def submitted(backend: Held, diabetes: Path, place: Path) -> Run:
    """Return a run whose job waits for a machine, in an artifact store of its own, so that nothing is cached."""
    from quickstart_for_tests import quickstart

    return quickstart(diabetes, place.name).run(backend=backend, artifact_store=ArtifactStore(str(place)), wait=False)


def test_a_job_goes_on_wherever_its_machine_vanished(project: Path, diabetes: Path, tmp_path: Path) -> None:
    chance, folder, backend = random.Random(SEED), tmp_path / "machine", Held()
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(VANISHING)
    whole = submitted(backend, diabetes, tmp_path / "Whole")
    code, stages = backend.live(folder, 0)
    assert (code, whole.state) == (0, State.COMPLETE)
    assert stages > 50
    for number in range(POINTS):
        at = chance.randrange(1 + stages * number // POINTS, 1 + stages * (number + 1) // POINTS)
        told = f"stage {at} of {stages}, seed {SEED}"
        print(told)
        run = submitted(backend, diabetes, tmp_path / f"Vanished {number}")
        assert backend.live(folder, at)[0] in (-signal.SIGKILL, 0), told  # 0: it had fewer stages than the whole one
        for artifact in (row for step in run.steps.values() for row in step.outputs.values()):
            run.store.verify(run.store.open(artifact.uri))  # what is published is whole
        assert (backend.live(folder, 0)[0], run.state) == (0, State.COMPLETE), told
        assert digests(run) == digests(whole), told


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the job load no other start-up file than the test's."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
