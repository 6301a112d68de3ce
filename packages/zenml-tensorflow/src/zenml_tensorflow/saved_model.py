"""A model as TensorFlow's SavedModel, for whatever serves that format; written canonically.

TensorFlow numbers the functions of a graph by a counter of the process and adds a random fingerprint. Here functions
count from 0 and the fingerprint is left out, so that equal models give equal bytes. Nothing here is ever loaded by
ZenML: a SavedModel is a program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIGNATURE = "serving_default"
INPUT = "features"

_GIVEN_NAME = "_user_specified_name"
_NUMBERED = re.compile(r"\b(__(?:inference|forward|backward)_\w*?|PartitionedCall-|StatefulPartitionedCall-)(\d+)\b")


def write_saved_model(model: Any, width: int, names: Sequence[str], folder: Path) -> None:
    """Write a model's forward pass as the signature `serving_default`.

    Args:
        model: a Keras model.
        width: the number of columns of its input, which the signature calls `features`.
        names: a name for each of its outputs.
        folder: the SavedModel; made here.
    """
    import keras
    import tensorflow as tf

    @tf.function(  # type: ignore[untyped-decorator,unused-ignore] # TensorFlow ships no types
        input_signature=[tf.TensorSpec([None, width], tf.float32, name=INPUT)], autograph=False
    )
    def serve(features: Any) -> dict[str, Any]:
        return dict(zip(names, keras.tree.flatten(model(features, training=False)), strict=True))

    served = tf.Module()
    served.weights = [variable.value for variable in model.weights]
    served.serve = serve
    tf.saved_model.save(served, str(folder), signatures={SIGNATURE: serve})
    _make_canonical(folder)


def _make_canonical(folder: Path) -> None:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    (folder / "fingerprint.pb").unlink(missing_ok=True)
    for empty in ("assets", "assets.extra"):
        if (folder / empty).is_dir() and not any((folder / empty).iterdir()):
            (folder / empty).rmdir()
    path = folder / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    found = {match.group(0): match for match in _NUMBERED.finditer(str(saved))}
    ordered = sorted(found.values(), key=lambda match: (int(match.group(2)), match.group(1)))
    _rename(saved, {match.group(0): f"{match.group(1)}{number}" for number, match in enumerate(ordered)})
    for graph in saved.meta_graphs:
        for function in graph.graph_def.library.function:
            for argument in function.arg_attr.values():
                if argument.attr[_GIVEN_NAME].s.isdigit():  # the id of a captured variable
                    del argument.attr[_GIVEN_NAME]
        functions = sorted(graph.graph_def.library.function, key=lambda row: row.signature.name)
        del graph.graph_def.library.function[:]
        graph.graph_def.library.function.extend(functions)
    path.write_bytes(saved.SerializeToString(deterministic=True))


def _rename(message: Any, names: dict[str, str]) -> None:
    """Give every function that a message names its new name, wherever the name stands."""

    def text(value: str) -> str:
        return _NUMBERED.sub(lambda match: names.get(match.group(0), match.group(0)), value)

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, bytes):
            try:
                return text(value.decode("ascii")).encode("ascii")
            except UnicodeDecodeError:
                return value
        return value

    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _rename_map(field, value, names, changed)
        elif field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                _rename(item, names)
        elif field.is_repeated:
            new = [changed(item) for item in value]
            if new != list(value):
                del value[:]
                value.extend(new)
        elif changed(value) != value:
            setattr(message, field.name, changed(value))


def _rename_map(field: Any, value: Any, names: dict[str, str], changed: Any) -> None:
    of_messages = field.message_type.fields_by_name["value"].message_type is not None
    for key in list(value):
        if of_messages:
            _rename(value[key], names)
            if changed(key) != key:
                value[changed(key)].CopyFrom(value[key])
                del value[key]
        else:
            item = changed(value.pop(key))
            value[changed(key)] = item
