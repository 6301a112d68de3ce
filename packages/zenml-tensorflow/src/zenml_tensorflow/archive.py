"""A Keras model on disk: the `.keras` format, written canonically and read without running code from it.

Keras writes the time, object ids and the optimizer's state. Here the archive has sorted names and a fixed date, ids
count from 0, and only what it takes to predict is in it; equal models give equal bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zenml.data.shards import atomic_file
from zenml.errors import ConfigError, DataError
from zenml_tensorflow.session import keras_unwarned

_CONFIG, _METADATA, _WEIGHTS, _ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"
_DATE = (1980, 1, 1, 0, 0, 0)
_OPTIMIZER = "optimizer"

RUNS_CODE = ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper", "__lambda__")
"""What would run code that a file brings along."""


def write_model(model: Any, path: Path) -> None:
    """Write a built Keras model as `path`, which ends in `.keras`.

    Raises:
        ConfigError: it holds what cannot be read again safely.
    """
    given = path.with_name(f"given-{path.name}")
    with keras_unwarned():
        model.save(given)
    try:
        with zipfile.ZipFile(given) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    finally:
        given.unlink()
    config = canonical_config(json.loads(files[_CONFIG]))
    refuse_unsafe(config, type(model).__name__)
    metadata = json.loads(files[_METADATA]) | {"date_saved": "1980-01-01@00:00:00"}
    files[_CONFIG], files[_METADATA] = json.dumps(config).encode(), json.dumps(metadata).encode()
    files[_WEIGHTS] = _weights_alone(files[_WEIGHTS])
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name])


def read_model(path: Path) -> Any:
    """Return the model, not compiled, that `write_model` wrote.

    Raises:
        DataError: the file is missing, damaged, or holds what would run code.
    """
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            strange = [name for name in archive.namelist() if not _is_known(name)]
            config = json.loads(archive.read(_CONFIG))
            links = _links(archive.read(_WEIGHTS))
    except FileNotFoundError:
        raise DataError("the model file is missing", str(path)) from None
    except (KeyError, OSError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"the model file is damaged ({type(error).__name__}: {error})", str(path)) from error
    if strange or links:
        raise DataError(f"the model file holds what no model needs: {', '.join([*strange, *links])}", str(path))
    try:
        refuse_unsafe(config, "the model")
    except ConfigError as error:
        raise DataError(f"the model file is not safe to read: {error.problems[0].what}", str(path)) from error
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file makes Keras raise anything
        first = str(error).splitlines()[0] if str(error) else ""
        raise DataError(f"the model file cannot be read ({type(error).__name__}: {first})", str(path)) from error


def canonical_config(config: Any) -> Any:
    """Return a model's config with ids that count from 0, and without how it was compiled."""
    ids: dict[int, int] = {}

    def renumbered(value: Any) -> Any:
        if isinstance(value, list):
            return [renumbered(item) for item in value]
        if not isinstance(value, dict):
            return value
        kept = {name: renumbered(item) for name, item in value.items() if name != "compile_config"}
        if "shared_object_id" in kept:
            kept["shared_object_id"] = ids.setdefault(kept["shared_object_id"], len(ids))
        return kept

    return renumbered(config)


def refuse_unsafe(config: Any, where: str) -> None:
    """Find what a model's config names that must not be made when it is read.

    Raises:
        ConfigError: a layer that runs code from the file, or a class that nobody registered.
    """
    import keras

    for row in _objects(config):
        name, module = str(row["class_name"]), row.get("module")
        if name in RUNS_CODE:
            what = f"{name} runs code that the file brings along"
            mend = "Write a layer class and register it with @keras.saving.register_keras_serializable()"
            raise ConfigError(what, where, mend)
        own = module is None or module == "builtins" or str(module).partition(".")[0] == "keras"
        if not own and keras.saving.get_registered_object(row.get("registered_name") or "") is None:
            what = f"{module}.{name} is no class of Keras, and not registered"
            raise ConfigError(what, where, "Put @keras.saving.register_keras_serializable() above the class")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _weights_alone(data: bytes) -> bytes:
    """Return an HDF5 file without the optimizer's state, its groups in the order of their names."""
    import h5py

    made = io.BytesIO()
    with h5py.File(io.BytesIO(data)) as old, h5py.File(made, "w") as new:
        for name in sorted(old):
            if name != _OPTIMIZER:
                old.copy(name, new)
        for name, value in sorted(old.attrs.items()):
            new.attrs[name] = value
    return made.getvalue()


def _links(data: bytes) -> list[str]:
    """Return the names in an HDF5 file that lead to other files."""
    import h5py

    found: list[str] = []

    def look(group: Any, place: str) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                found.append(f"{place}{name}")
                continue
            item = group[name]
            if isinstance(item, h5py.Group):
                look(item, f"{place}{name}/")
            elif item.external or item.is_virtual:
                found.append(f"{place}{name}")

    with h5py.File(io.BytesIO(data)) as file:
        look(file, f"{_WEIGHTS}/")
    return found


def _is_known(name: str) -> bool:
    return name in (_CONFIG, _METADATA, _WEIGHTS) or (name.startswith(_ASSETS) and ".." not in name.split("/"))


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry without time, of the same system everywhere, not compressed as zlib's output varies."""
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry
