"""The model bundle: a folder with all it takes to predict from raw features.

::

    bundle.json      format version, trainer, framework, labels, hyper-parameters
    transform/       the fitted transform
    model/           the framework's own files
    signature.json   raw features and their types, and what comes out
    example.json     a request with a few real rows

Nothing in it is code, and nothing of it is unpickled or evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.data.shards import atomic_file
from zenml.errors import DataError
from zenml.steps.trainer.prediction import LabelInfo

if TYPE_CHECKING:
    from zenml.data.transforms import Transform

FORMAT = 1
"""Version of the layout; a bundle of a newer one is refused."""

TRANSFORM_FOLDER = "transform"
MODEL_FOLDER = "model"


@dataclass(frozen=True)
class Bundle:
    """What `bundle.json` says of a model bundle.

    Args:
        path: the bundle's folder.
        trainer: type name of the trainer that made it and can load it.
        framework: distribution of the framework (`scikit-learn`).
        framework_version: its version when the model was trained.
        labels: what the model predicts.
        parameters: the trainer's hyper-parameters (JSON types), for people and comparisons.
    """

    path: Path
    trainer: str
    framework: str
    framework_version: str
    labels: tuple[LabelInfo, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model_folder(self) -> Path:
        """The folder of the framework's own files."""
        return self.path / MODEL_FOLDER

    @property
    def transform_folder(self) -> Path:
        """The folder of the fitted transform."""
        return self.path / TRANSFORM_FOLDER

    def write(self, transform: Transform, example: Sequence[Mapping[str, Any]]) -> None:
        """Write everything but the framework's own files.

        Args:
            transform: the fitted transform.
            example: a few raw rows for the example request.
        """
        transform.save(self.transform_folder)
        write_json(
            self.path / "bundle.json",
            {
                "format": FORMAT,
                "trainer": self.trainer,
                "framework": {"name": self.framework, "version": self.framework_version},
                "labels": [label.to_json() for label in self.labels],
                "parameters": self.parameters,
            },
        )
        write_json(self.path / "signature.json", signature(transform, self.labels))
        write_json(self.path / "example.json", {"inputs": list(example)})


def read_bundle(path: Path) -> Bundle:
    """Read `bundle.json` of the model bundle in the folder `path`.

    Raises:
        DataError: it is missing, damaged or of a newer format.
    """
    file = path / "bundle.json"
    try:
        row = json.loads(file.read_bytes())
        version = row["format"]
        if type(version) is not int or version > FORMAT:
            raise DataError(
                f"this model bundle has format {version}, and this ZenML reads formats up to {FORMAT}",
                str(file),
                "Upgrade zenml-core",
            )
        return Bundle(
            path,
            str(row["trainer"]),
            str(row["framework"]["name"]),
            str(row["framework"]["version"]),
            tuple(map(LabelInfo.from_json, row["labels"])),
            dict(row["parameters"]),
        )
    except FileNotFoundError:
        raise DataError("there is no model bundle", str(file)) from None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the model bundle is damaged ({type(error).__name__}: {error})", str(file)) from error


def signature(transform: Transform, labels: Sequence[LabelInfo]) -> dict[str, Any]:
    """Say what a model takes, by raw feature, and what it gives (JSON types)."""
    return {
        "inputs": [{"name": name, "type": kind} for name, kind in transform.features.items()],
        "outputs": [label.to_json() for label in labels],
    }


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, the same bytes for the same value."""
    with atomic_file(path) as file:
        file.write(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n")
