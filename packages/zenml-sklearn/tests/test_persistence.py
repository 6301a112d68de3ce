from __future__ import annotations

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
from zenml_sklearn.persistence import canonical, load, save

TRAINABLE = [name for name in names() if name not in REFUSED]


@pytest.mark.parametrize("name", TRAINABLE)
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::UserWarning", "ignore::FutureWarning"
)
def test_every_estimator_predicts_the_same_after_a_round_trip(name, models, tmp_path):
    estimator = models.fitted(name)
    features, _ = models.small_data(name)
    save(estimator, tmp_path / "model.skops")
    back = load(tmp_path / "model.skops")
    assert type(back) is type(estimator)
    assert np.array_equal(back.predict(features), estimator.predict(features))
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            assert np.array_equal(getattr(back, method)(features), getattr(estimator, method)(features))


@pytest.mark.parametrize("name", REFUSED)
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
    save(models.fitted("LogisticRegression"), tmp_path / "model.skops")
    return tmp_path / "model.skops"


def rewrite(path: Path, change) -> None:
    """Change the schema of a skops file in place."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    files["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_the_file_tells_no_time_and_no_version_of_skops(logistic):
    with zipfile.ZipFile(logistic) as archive:
        assert {row.date_time for row in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())
        assert b"skops_version" not in archive.read("schema.json")
    assert canonical(logistic.read_bytes()) == logistic.read_bytes()


def test_sets_are_written_in_order(tmp_path):
    save({"names": set("zyxwvu")}, tmp_path / "set")
    with zipfile.ZipFile(tmp_path / "set") as archive:
        node = json.loads(archive.read("schema.json"))["content"]["names"]
    assert [json.loads(item["content"]) for item in node["content"]] == list("uvwxyz")
    assert load(tmp_path / "set") == {"names": set("zyxwvu")}


def test_an_object_held_twice_is_one_object_again(tmp_path):
    shared = np.arange(3)
    save({"a": [shared], "b": [shared], "c": np.arange(3)}, tmp_path / "shared")
    back = load(tmp_path / "shared")
    assert back["a"][0] is back["b"][0]
    assert back["c"] is not back["a"][0]
    with zipfile.ZipFile(tmp_path / "shared") as archive:
        assert len(archive.namelist()) == 2


def test_what_cannot_be_written_without_pickle_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be saved"):
        save({"function": print}, tmp_path / "model.skops")
    with pytest.raises(DataError, match="cannot be saved without pickle"):
        save([np.array([(1, object())], dtype=[("a", int), ("b", object)])], tmp_path / "model.skops")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_names_an_untrusted_type_is_refused_and_nothing_is_called(logistic, tmp_path):
    marker = tmp_path / "called"

    def call_system(schema):
        command = {
            "__class__": "str",
            "__module__": "builtins",
            "__loader__": "JsonNode",
            "content": json.dumps(f"touch {marker}"),
        }
        schema["content"]["content"]["C"] = {
            "__class__": "partial", "__module__": "functools", "__loader__": "PartialNode",
            "content": {
                "func": {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"},
                "args": {
                    "__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [command],
                },
                "kwds": {**command, "content": "{}"},
                "namespace": {**command, "content": "null"},
            },
        }  # fmt: skip

    rewrite(logistic, call_system)
    with pytest.raises(DataError, match=r"not trusted: functools\.partial, os\.system"):
        load(logistic)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    with pytest.raises(DataError, match="the model file is damaged"):
        load(path)


def test_a_file_with_a_broken_schema_is_refused(logistic):
    rewrite(logistic, lambda schema: schema.pop("__loader__"))
    with pytest.raises(DataError, match="the model file is damaged"):
        load(logistic)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match="the model file is missing"):
        load(tmp_path / "model.skops")
