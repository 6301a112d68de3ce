"""Estimators on disk: an archive of JSON and NumPy arrays, which tells nothing but what the estimator holds.

::

    estimator.json   the objects, as `encoding` writes them
    0.npy, 1.npy, …  their arrays

Pickle would run whatever a file says. skops does not, but it writes addresses and times, and takes half a second to
import, a good part of a small run.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from zenml.data.shards import atomic_file
from zenml.errors import DataError, ZenMLError
from zenml_sklearn.decoding import Decoder
from zenml_sklearn.encoding import Encoder
from zenml_sklearn.integrity import broken
from zenml_sklearn.trusted import UntrustedError

FORMAT = 1
"""Version of the layout; a file of a newer one is refused."""

_JSON = "estimator.json"
_DATE = (1980, 1, 1, 0, 0, 0)


def save(estimator: Any, path: Path, own: Collection[str] = ()) -> None:
    """Write a fitted estimator; equal estimators give equal bytes, in any process.

    Args:
        estimator: the estimator.
        path: of the file.
        own: classes of the user's own that may be in it, `module:Class`.

    Raises:
        DataError: the estimator holds something that is not trusted when it is read, or has no form in the archive.
    """
    encoder = Encoder(own)
    try:
        row = {"format": FORMAT, "estimator": encoder.encode(estimator)}
    except UntrustedError as error:
        what = f"{type(estimator).__name__} with these parameters cannot be saved: it holds {error}"
        mend = "Only scikit-learn's estimators and those that the trainer names can be loaded again, and what they hold"
        raise DataError(what, mend=mend) from error
    except (TypeError, ValueError) as error:
        raise DataError(f"{type(estimator).__name__} with these parameters cannot be saved: {error}") from error
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_entry(_JSON), json.dumps(row, separators=(",", ":"), allow_nan=False))
        for number, array in enumerate(encoder.arrays):
            with archive.open(_entry(f"{number}.npy"), "w", force_zip64=True) as target:
                np.lib.format.write_array(target, array, allow_pickle=False)


def load(path: Path, own: Collection[str] = ()) -> Any:
    """Read an estimator that `save` wrote; nothing is imported or called but what `trusted` lists.

    Args:
        path: of the file.
        own: classes of the user's own that may be in it, `module:Class`.

    Raises:
        PluginError: a class of the user's own cannot be imported.
        DataError: the file is missing, damaged, of a newer format, or names what is not trusted.
    """
    try:
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of deprecated estimators; told when they were fitted
            row = json.loads(archive.read(_JSON))
            version = row["format"]
            if version != FORMAT:
                raise DataError(f"the model file has format {version}, and format {FORMAT} is expected", str(path))
            arrays = []
            for number in range(len(archive.namelist()) - 1):
                with archive.open(f"{number}.npy") as source:
                    arrays.append(np.lib.format.read_array(source, allow_pickle=False))
        estimator = Decoder(arrays, own).decode(row["estimator"])
        wrong = broken(estimator)
    except FileNotFoundError:
        raise DataError("the model file is missing", str(path)) from None
    except UntrustedError as error:
        mend = "Nothing of it was called; only what SklearnTrainer writes can be loaded"
        raise DataError(f"the model file names what is not trusted: {error}", str(path), mend) from error
    except ZenMLError:
        raise
    except Exception as error:  # a damaged file makes NumPy and scikit-learn raise anything
        raise DataError(f"the model file is damaged ({type(error).__name__}: {error})", str(path)) from error
    if wrong:
        raise DataError(f"the model file is damaged: {wrong}", str(path))
    return estimator


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry without time, of the same system everywhere, not compressed as zlib's output varies."""
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry
