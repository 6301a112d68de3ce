from __future__ import annotations

import pytest

from zenml_tensorflow.session import limit_threads, load_keras


@pytest.fixture
def threading():
    """TensorFlow's numbers of threads, in a process that has computed with what a training takes."""
    load_keras()
    import tensorflow as tf

    limit_threads(1, lambda _: None)
    assert int(tf.constant(1) + 1) == 2
    return tf.config.threading


def test_a_number_of_threads_that_is_there_is_not_told(threading):
    told = []
    limit_threads(threading.get_intra_op_parallelism_threads(), told.append)
    assert told == []


def test_numbers_of_threads_that_cannot_be_changed_any_more_are_told(threading, monkeypatch):
    used, told = threading.get_intra_op_parallelism_threads(), []
    limit_threads(used + 3, told.append)
    assert f"keeps to {used} intra-op threads instead of {used + 3} and 2 inter-op threads instead of" in told[0]
    assert "Train before anything else uses TensorFlow" in told[0]

    monkeypatch.setattr(threading, "get_inter_op_parallelism_threads", lambda: 0)
    limit_threads(used, told.append)
    assert "keeps to all inter-op threads instead of 2: the model may differ" in told[1]
