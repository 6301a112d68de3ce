"""Steps and a backend with secrets, for the test that looks for one everywhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from zenml.artifacts.types import Evaluation, Examples
from zenml.backends.launch import Launch
from zenml.data.shards import ShardJob, ShardOp, State
from zenml.runtime.orchestrator_base import OrchestratorBaseBackend
from zenml.secrets import Secret
from zenml.steps import Step, StepContext


def seen_in_processes(value: str) -> list[str]:
    """Return the processes whose command line or environment holds a text."""
    found = []
    for file in [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]:
        try:
            text = file.read_bytes()
        except OSError:
            continue  # it has ended meanwhile, or is another user's
        if value.encode() in text:
            found.append(f"{file}: {text[:200]!r}")
    return found


class Ask(ShardOp):
    """Looks the secret up where the shard is worked on."""

    def work(self, shard: Mapping[str, Any]) -> State:
        """Print the secret, as a careless author may, and fail with it in the message where that is asked for."""
        value = Secret(self.params["password"]).reveal()
        sys.stdout.write(f"a worker logs in with {value}\n")
        if self.params["fails"] == "worker" and shard["number"] == 1:
            raise RuntimeError(f"a worker cannot log in with {value}")
        return {"length": len(value), "seen": seen_in_processes(value)}


class Login(Step):
    """Uses a secret here and in workers."""

    inputs: ClassVar = {"examples": Examples}
    outputs: ClassVar = {"evaluation": Evaluation}

    password: Secret
    fails: str = ""

    def run(self, context: StepContext) -> None:
        value = self.password.reveal()
        sys.stdout.write(f"the step logs in with {value}\n")
        sys.stderr.write(f"the step logs in with {value}\n")
        context.report.log(f"reported: {value}")
        context.report.warn(f"warned: {value}")
        reference = self.password.reference or self.password.keep("login.password")
        params = {"password": reference, "fails": self.fails}
        job = ShardJob("planted:Ask", ({"number": 0}, {"number": 1}), str(context.scratch / "out"), params)
        states = context.run_job(job)
        assert [state["seen"] for state in states] == [[], []]
        assert seen_in_processes(value) == []
        if self.fails == "step":
            raise ValueError(f"the step cannot log in with {value}")
        (context.outputs["evaluation"].path / "length.txt").write_text(str(states[0]["length"]))


class GuardedBackend(OrchestratorBaseBackend):
    """Runs here, once it has looked up its token."""

    token: Secret

    def run(self, launch: Launch, *, wait: bool = True) -> None:
        launch.report.log(f"the backend's token is {self.token.reveal()}")
        super().run(launch, wait=wait)
