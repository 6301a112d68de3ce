from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zenml.backends.interfaces import ProcessingBackend
from zenml.data.csv import commit
from zenml.datasources.csv import CSVDatasource
from zenml.errors import DataError
from zenml.runtime.processing_base import ProcessingBaseBackend
from zenml.steps.split.key_split import KeySplit
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.split.time_split import TimeSplit
from zenml.testing.hostile import HostileProcessingBackend

ENGINES: list[ProcessingBackend] = [
    HostileProcessingBackend(seed=1),
    HostileProcessingBackend(seed=2, processes=1),
    ProcessingBaseBackend(workers=2),
]


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the path of a table of all types with missing cells, which is cut into several shards."""
    small_reader = commit.CSVReader
    monkeypatch.setattr(commit, "CSVReader", lambda **fields: small_reader(**fields, target=40_000))
    chance = np.random.default_rng(11)
    path = tmp_path / "mixed.csv"
    lines = ["number,amount,flag,city,note"]
    for row in range(6000):
        number = "" if chance.random() < 0.1 else str(chance.integers(-1000, 1000))
        amount = "" if chance.random() < 0.1 else repr(float(chance.normal()))
        flag = chance.choice(["true", "false", ""])
        city = chance.choice(["Zürich", "Oslo", "", "Lima"])
        lines.append(f'{number},{amount},{flag},{city},"line {row}\nof ""two"""')
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: f"{type(engine).__name__}-{engine.model_dump()}")
def test_commit_and_split_give_the_same_bytes(mixed: str, run_step: Any, files_of: Any, engine: Any) -> None:
    plain = run_step(CSVDatasource(name="mixed", path=mixed))
    plain_split = run_step(RandomSplit(tfrecord=True), {"examples": plain})
    other = run_step(CSVDatasource(name="mixed", path=mixed), engine=engine)
    other_split = run_step(RandomSplit(tfrecord=True), {"examples": other}, engine=engine)
    assert len(plain.properties["splits"]["all"]["shards"]) > 3
    assert files_of(other.path) == files_of(plain.path)
    assert other.properties == plain.properties
    assert files_of(other_split.path) == files_of(plain_split.path)
    assert other_split.properties == plain_split.properties


def test_problems_are_the_same_on_every_engine(tmp_path: Path, run_step: Any) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n" + "1,2\n" * 100 + "x,2\n3\n")
    messages = set()
    for engine in (None, *ENGINES[:1]):
        with pytest.raises(DataError) as error:
            run_step(CSVDatasource(name="bad", path=str(path)), engine=engine)
        messages.add(str(error.value))
    assert len(messages) == 1


def test_every_dealer_gives_the_same_bytes(mixed: str, run_step: Any, files_of: Any) -> None:
    source = run_step(CSVDatasource(name="mixed", path=mixed))
    for step in (KeySplit(key_columns=["city", "flag"]), TimeSplit(time_column="amount", shares=[0.6, 0.4])):
        plain = run_step(step, {"examples": source})
        other = run_step(step, {"examples": source}, engine=ENGINES[1])
        assert files_of(other.path) == files_of(plain.path)
        assert other.properties == plain.properties
