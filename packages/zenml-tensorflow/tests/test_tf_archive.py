from __future__ import annotations

import io
import json
import zipfile

import pytest

from zenml.errors import DataError
from zenml_tensorflow.archive import read_model, write_model
from zenml_tensorflow.session import load_keras


@pytest.fixture
def model_file(tmp_path):
    load_keras()
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    write_model(model, tmp_path / "model.keras")
    return tmp_path / "model.keras"


def changed(path, **files):
    with zipfile.ZipFile(path) as archive:
        rows = {name: archive.read(name) for name in archive.namelist()}
    for name, change in files.items():
        full = {"config": "config.json", "weights": "model.weights.h5"}.get(name, name)
        rows[full] = change(rows.get(full, b""))
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in rows.items():
            archive.writestr(name, data)


def test_what_was_written_is_read_and_nothing_else_lies_beside_it(model_file):
    assert read_model(model_file).output_shape == (None, 1)
    assert [path.name for path in model_file.parent.iterdir()] == ["model.keras"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"module": "keras.layers", "class_name": "Lambda", "config": {}},
            "Lambda runs code that the file brings along",
        ),
        ({"class_name": "__lambda__", "config": {"value": "x"}}, "__lambda__ runs code that the file brings along"),
        (
            {"module": "os", "class_name": "system", "config": {}, "registered_name": "os>system"},
            "os.system is no class",
        ),
    ],
)
def test_a_config_that_names_code_is_refused(model_file, row, message):
    def planted(data):
        config = json.loads(data)
        config["config"]["layers"].append(row)
        return json.dumps(config).encode()

    changed(model_file, config=planted)
    with pytest.raises(DataError, match=f"the model file is not safe to read: {message}"):
        read_model(model_file)


def test_weights_that_lead_to_another_file_are_refused(model_file):
    import h5py

    def linked(data):
        made = io.BytesIO(data)
        with h5py.File(made, "a") as file:
            file["layers/secret"] = h5py.ExternalLink("/etc/passwd", "/")
        return made.getvalue()

    changed(model_file, weights=linked)
    with pytest.raises(DataError, match=r"holds what no model needs: model\.weights\.h5/layers/secret"):
        read_model(model_file)


def test_a_strange_file_in_the_archive_is_refused(model_file):
    changed(model_file, **{"assets/../../evil": lambda _: b"x"})
    with pytest.raises(DataError, match=r"holds what no model needs: assets/\.\./\.\./evil"):
        read_model(model_file)


def test_a_damaged_or_missing_file_is_told(model_file):
    changed(model_file, config=lambda data: data.replace(b'"units": 1', b'"units": "many"'))
    with pytest.raises(DataError, match="the model file cannot be read"):
        read_model(model_file)
    model_file.write_bytes(model_file.read_bytes()[:500])
    with pytest.raises(DataError, match="the model file is damaged"):
        read_model(model_file)
    model_file.unlink()
    with pytest.raises(DataError, match="the model file is missing"):
        read_model(model_file)
