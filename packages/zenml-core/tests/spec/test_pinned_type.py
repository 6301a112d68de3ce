"""`package.module:Class@COMMIT` is read, and what cannot be meant is told."""

from __future__ import annotations

import pytest

from zenml.errors import SpecError
from zenml.spec.pinned_type import read_pinned_type


def test_a_type_without_a_commit_is_none() -> None:
    assert read_pinned_type("RandomSplit") is None
    assert read_pinned_type("steps.mine:Trainer.Inner") is None


def test_a_pinned_type_is_its_class_and_its_commit_in_lower_case() -> None:
    pinned = read_pinned_type("steps.mine:Trainer@3F2A9C1")
    assert pinned is not None
    assert (pinned.target, pinned.commit) == ("steps.mine:Trainer", "3f2a9c1")
    assert str(pinned) == "steps.mine:Trainer@3f2a9c1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("RandomSplit@3f2a9c1", "only a class of your own can be pinned"),
        ("steps.mine:@3f2a9c1", "does not read package.module:Class@COMMIT"),
        ("steps.mine:Trainer@main", "'main' is not the hash of a commit"),
        ("steps.mine:Trainer@3f2a9c", "at least 7 digits"),
        ("steps.mine:Trainer@", "at least 7 digits"),
        ("steps.mine:Trainer@3f2a9c1@3f2a9c1", "is not the hash of a commit"),
        ("__main__:Trainer@3f2a9c1", "Move the class into a module"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_mend(text: str, told: str) -> None:
    with pytest.raises(SpecError, match=told) as caught:
        read_pinned_type(text)
    assert text in str(caught.value)
