"""What a user says about one column of a sequencer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SequenceMethod(BaseModel):
    """A method by name, with its parameters."""

    model_config = ConfigDict(extra="forbid")

    method: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class SequenceConfig(BaseModel):
    """How one column is resampled and filled; what is not given is done as by default."""

    model_config = ConfigDict(extra="forbid")

    resampling: list[SequenceMethod] | None = Field(default=None, min_length=1, max_length=1)
    filling: list[SequenceMethod] | None = None
