from __future__ import annotations

import numpy as np
import pytest

from zenml.steps.evaluator.spilling import Spilled


@pytest.mark.parametrize("width", [0, 3])
def test_what_was_written_in_batches_is_read_by_slices(tmp_path, width):
    array = np.random.default_rng(1).normal(size=(50, width) if width else 50)
    made = Spilled(tmp_path / "file", np.float64, width)
    for start in range(0, 50, 7):
        made.append(array[start : start + 7])
    found = made.array()
    assert (len(found), found.shape, found.dtype) == (50, array.shape, array.dtype)
    for part in (slice(None), slice(3, 20), slice(45, 99), slice(20, 3), slice(-5, None)):
        assert np.array_equal(found[part], array[part])
        assert found[part].shape == array[part].shape
        if width:
            assert np.array_equal(found[:, 1][part], array[part, 1])
            assert np.array_equal(found[part, 2][:], array[part, 2])
    if width:
        assert found[:, 1].shape == (50,)


def test_nothing_written_is_an_empty_array_and_what_lay_there_before_is_gone(tmp_path):
    (tmp_path / "file").write_bytes(b"12345678")
    found = Spilled(tmp_path / "file", np.int64, 2).array()
    assert (len(found), found[:].shape, found[:, 1][0:9].shape) == (0, (0, 2), (0,))
