"""BaseBackend: what the four kinds of backend have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from zenml.errors import Problem
from zenml.spec.component import Component


class BaseBackend(Component):
    """A backend is data: equal configs make equal backends, and a spec can name it.

    Subclass one of the four interfaces (`OrchestratorBackend`, `ProcessingBackend`, `TrainingBackend`,
    `DeployerBackend`), not this class.
    """

    BACKEND_TYPE: ClassVar[str] = ""
    """The kind: `orchestrator`, `processing`, `training` or `deployer`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.BACKEND_TYPE:
            cls.KINDS = (cls.BACKEND_TYPE,)

    def check(self) -> Iterable[Problem]:
        """Find, before anything runs, what is wrong with the fields and takes an SDK to tell.

        It is called wherever a pipeline is planned, on another machine perhaps than the one that will do the work.
        """
        return ()
