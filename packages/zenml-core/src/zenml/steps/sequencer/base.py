"""Sequencer: the step that makes examples of sequences from rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from zenml.artifacts.types import Artifact, Examples
from zenml.steps.base import Step


class Sequencer(Step):
    """Base of all sequencers: takes examples and gives others, one row for each piece of a sequence.

    A sequencer stands before the split. Where it comes after one, the sequences of each split are made of its own rows.

    Args:
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}

    tfrecord: bool = False
