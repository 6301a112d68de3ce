from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from zenml.errors import DataError
from zenml_sklearn.catalogue import find, names
from zenml_sklearn.estimators import REFUSED
from zenml_sklearn.persistence import load, save

TRAINABLE = [name for name in names() if name not in REFUSED]


@pytest.mark.parametrize("name", TRAINABLE)
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::UserWarning", "ignore::FutureWarning"
)
def test_every_estimator_predicts_the_same_after_a_round_trip(name, models, tmp_path):
    estimator = models.fitted(name)
    features, _ = models.small_data(name)
    save(estimator, tmp_path / "model.zip")
    back = load(tmp_path / "model.zip")
    assert type(back) is type(estimator)
    assert np.array_equal(back.predict(features), estimator.predict(features))
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            assert np.array_equal(getattr(back, method)(features), getattr(estimator, method)(features))


@pytest.mark.parametrize("name", [name for name in REFUSED if find(name)])
def test_what_is_refused_cannot_be_fitted_on_one_label(name, models):
    needs = {"estimator": models.CLASSIFIER if find(name).kind == "classifier" else models.REGRESSOR}
    models.PARAMETERS.setdefault(name, needs if find(name).required else {})
    with pytest.raises((ValueError, IndexError)):
        models.fitted(name)


def test_two_processes_write_the_same_bytes(models):
    script = str(Path(models.__file__))
    found = []
    for seed, order in (("1", TRAINABLE), ("2", TRAINABLE[::-1])):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", script, json.dumps(order)],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        found.append(json.loads(done.stdout))
    assert {name for name in TRAINABLE if found[0][name] != found[1][name]} == set()


@pytest.fixture
def logistic(models, tmp_path) -> Path:
    save(models.fitted("LogisticRegression"), tmp_path / "model.zip")
    return tmp_path / "model.zip"


def written(tmp_path, value):
    """Return what `value` is after a round trip, and the names in its archive."""
    save(value, tmp_path / "value.zip")
    with zipfile.ZipFile(tmp_path / "value.zip") as archive:
        return load(tmp_path / "value.zip"), archive.namelist()


def rewrite(path: Path, change) -> None:
    """Change the JSON of a model file in place."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    row = json.loads(files["estimator.json"])
    change(row)
    files["estimator.json"] = json.dumps(row).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_the_archive_tells_no_time_and_is_not_compressed(logistic):
    with zipfile.ZipFile(logistic) as archive:
        for entry in archive.infolist():
            assert (entry.date_time, entry.create_system, entry.compress_type) == ((1980, 1, 1, 0, 0, 0), 3, 0)


@pytest.mark.parametrize(
    "value",
    [
        {"a": None, 1: True, 2.5: "text", (1, "b"): [1, -2.5, float("inf"), float("-inf")]},
        {"zyx", "wvu", 3},
        (),
        [np.float32(0.1), np.int8(-3), np.bool_(True), np.float64("inf")],
        [np.str_("text"), np.dtype("<f4"), np.dtype("O")],
        np.random.RandomState(3).get_state(legacy=False)["state"]["pos"],
    ],
)
def test_plain_values_survive(value, tmp_path):
    back, _ = written(tmp_path, value)
    assert back == value
    assert type(back) is type(value)


def test_not_a_number_survives(tmp_path):
    back, _ = written(tmp_path, [float("nan"), np.float64("nan")])
    assert np.isnan(back).all()
    assert type(back[1]) is np.float64


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array([[None, "text"], [1, 2.5]], object),
        np.array(["a", "bc"]),
        np.empty((0, 3)),
        np.array(5.0),
    ],
)
def test_arrays_survive(array, tmp_path):
    back, _ = written(tmp_path, [array])
    assert np.array_equal(back[0], array)
    assert (back[0].dtype, back[0].shape) == (array.dtype, array.shape)
    assert back[0].flags.f_contiguous == array.flags.f_contiguous


def test_what_lies_between_the_fields_of_records_is_not_written(tmp_path):
    kind = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    files = []
    for filler in (0, 255):
        array = np.frombuffer(bytes([filler]) * (2 * kind.itemsize), np.uint8).copy().view(kind)
        array["a"], array["b"] = 1, 2
        save(array, tmp_path / "array.zip")
        files.append((tmp_path / "array.zip").read_bytes())
    assert files[0] == files[1]


def test_random_states_go_on_where_they_were(tmp_path):
    states = [np.random.RandomState(3), np.random.default_rng(4)]
    for state in states:
        state.random(5)
    back, _ = written(tmp_path, states)
    assert [state.random() for state in back] == [state.random() for state in states]


def test_an_object_held_twice_is_one_object_again(tmp_path):
    shared = np.arange(3)
    back, names = written(tmp_path, {"a": [shared], "b": [shared], "c": np.arange(3)})
    assert back["a"][0] is back["b"][0]
    assert back["c"] is not back["a"][0]
    assert names == ["estimator.json", "0.npy", "1.npy"]


def test_a_list_may_hold_itself(tmp_path):
    knot: list = [1]
    knot.append(knot)
    back, _ = written(tmp_path, knot)
    assert back[1] is back


class Other:
    pass


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (print, "it holds builtins:print"),
        (Other(), "Other"),
        (lambda: 1, "<lambda>"),
        ([].append, "it holds "),
        (np.tanh, "it holds "),
        (1j * np.float64(1), "cannot be saved"),
        (np.array([(1, None)], dtype=[("a", int), ("b", object)]), "cannot be saved"),
        (np.dtype([("a", int)]), "cannot be written"),
        (type("Kind", (list,), {})([1]), "a Kind is a kind of list"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_saved(value, reason, tmp_path):
    with pytest.raises(DataError, match=reason):
        save([value], tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "row",
    [
        {"call": "os:system", "arguments": ["touch called"]},
        {"call": "builtins:eval", "arguments": ["1"]},
        {"name": "os:system"},
        {"new": "subprocess:Popen", "arguments": []},
        {"new": "sklearn.tree._tree:os.system", "arguments": []},
        {"new": "GaussianMixture", "arguments": []},
        {"new": "", "arguments": []},
    ],
)
def test_a_file_that_names_what_is_not_trusted_is_refused_and_nothing_is_called(row, logistic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rewrite(logistic, lambda whole: whole["estimator"]["state"]["dict"].append(["extra", row]))
    with pytest.raises(DataError, match=r"model\.zip: the model file names what is not trusted: "):
        load(logistic)
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    "row",
    [
        {"array": 99},
        {"again": 99},
        {"again": "x"},
        {"tuple": 3},
        {"nothing": 3},
        {},
        {"new": "LogisticRegression"},
        {"call": "sklearn.tree._tree:Tree", "arguments": [{"again": 2}]},
        {"objects": [1, 2, 3], "shape": [2]},
        {"generator": {"dict": [["bit_generator", "MT19937"]]}},
    ],
)
def test_a_damaged_description_is_refused(row, logistic):
    rewrite(logistic, lambda whole: whole["estimator"]["state"]["dict"].append(["extra", row]))
    with pytest.raises(DataError, match="the model file is damaged"):
        load(logistic)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "model.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="the model file is damaged"):
        load(path)


def test_an_array_of_objects_is_not_unpickled(logistic):
    with zipfile.ZipFile(logistic) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    np.save(buffer, np.array([print], object), allow_pickle=True)
    files["0.npy"] = buffer.getvalue()
    with zipfile.ZipFile(logistic, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match="the model file is damaged"):
        load(logistic)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match="the model file is missing"):
        load(tmp_path / "model.zip")


def test_a_file_of_a_newer_format_is_told(logistic):
    rewrite(logistic, lambda whole: whole.update(format=2))
    with pytest.raises(DataError, match="the model file has format 2, and format 1 is expected"):
        load(logistic)
