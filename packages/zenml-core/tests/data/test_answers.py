from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.answers import (
    ShardWorker,
    WorkerFailedError,
    decode_error,
    encode_error,
    is_error,
    message_of,
)
from zenml.data.shards import ShardJob, decode_state
from zenml.errors import ConfigError, DataError, Problem, RunFailed, StoreError, ZenMLError

TEXT = st.text(max_size=20)


class NearerError(DataError):
    """A class that another process has not loaded."""


@given(st.lists(st.builds(Problem, TEXT, TEXT, TEXT), min_size=1, max_size=4))
def test_an_error_keeps_its_class_and_problems(problems: list[Problem]) -> None:
    for kind in (ZenMLError, ConfigError, DataError, StoreError):
        again = decode_error(encode_error(kind(problems)))
        assert type(again) is kind
        assert again.problems == tuple(problems)


def test_a_class_that_is_not_loaded_here_becomes_its_nearest_base() -> None:
    error = encode_error(NearerError("bad cell", "a.csv"))
    assert type(decode_error(error)) is NearerError
    elsewhere = error.replace(b'"NearerError"', b'"GoneError"')
    assert type(decode_error(elsewhere)) is DataError


def test_a_class_that_needs_more_than_problems_becomes_its_base() -> None:
    again = decode_error(encode_error(RunFailed("r1", "it failed")))
    assert type(again) is ZenMLError
    assert str(again) == "it failed"


def test_no_module_is_imported_and_no_other_class_made_by_name() -> None:
    named = b'{"kinds": [["os", "system"], ["antigravity", "X"]], "problems": [["what", "where", ""]], "system": null}'
    assert type(decode_error(named)) is ZenMLError
    assert "antigravity" not in sys.modules


def test_a_system_error_keeps_number_reason_and_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "none").read_text()
    again = decode_error(encode_error(caught.value))
    assert type(again) is FileNotFoundError
    assert (str(again), again.filename) == (str(caught.value), str(tmp_path / "none"))
    without_file = decode_error(encode_error(OSError(28, "No space left on device")))
    assert isinstance(without_file, OSError)
    assert (without_file.errno, without_file.filename) == (28, None)


def test_any_other_exception_is_told_with_its_traceback() -> None:
    try:
        raise OSError("without a number")
    except OSError as error:
        again = decode_error(encode_error(error))
    assert type(again) is WorkerFailedError
    assert "OSError: without a number\nTraceback" in str(again)
    assert "test_answers.py" in str(again)


def test_a_worker_answers_with_messages_and_errors(tmp_path: Path) -> None:
    job = ShardJob("zenml.testing.shard_ops:Raise", ({}, {"raise": "data"}, {"raise": "exit"}), str(tmp_path))
    worker = ShardWorker(job.to_json())
    fine, data, gone = (worker.answer(number) for number in range(3))
    assert [is_error(answer) for answer in (fine, data, gone)] == [False, True, True]
    assert decode_state(message_of(fine)) == {"shard": 0, "state": {}}
    with pytest.raises(DataError, match="2 problems"):
        message_of(data)
    with pytest.raises(WorkerFailedError, match="SystemExit: 3"):
        message_of(gone)


def test_a_worker_finds_operations_on_the_callers_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "op_on_a_path.py").write_text(
        "from zenml.data.shards import ShardOp\n\n\nclass Op(ShardOp):\n    def work(self, shard):\n        return {}\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    job = ShardJob("op_on_a_path:Op", ({},), str(tmp_path / "out"))
    assert is_error(ShardWorker(job.to_json()).answer(0))
    assert not is_error(ShardWorker(job.to_json(), [str(tmp_path), *sys.path]).answer(0))
    assert sys.path.count(str(tmp_path)) == 1
    monkeypatch.delitem(sys.modules, "op_on_a_path")
