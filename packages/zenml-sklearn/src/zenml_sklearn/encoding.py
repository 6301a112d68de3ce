"""Encoding: Python objects as JSON and arrays, in a form that can be read without running what it says.

JSON values stand for themselves and lists for lists; everything else is an object with one of the tags of `decoding`.
Objects are taken apart as `copy` and `pickle` take them apart, but only those of trusted classes: what cannot be read
back is not written. Lists, dicts, arrays and objects are numbered as they come, so that one which occurs twice is one
again. The same object gives the same encoding in any process.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml_sklearn.trusted import UntrustedError, name_of


class Encoder:
    """Encodes one object graph; `arrays` fills up with the arrays that the JSON refers to by number.

    Args:
        own: classes of the user's own that are trusted, `module:Class`.
    """

    def __init__(self, own: Collection[str] = ()) -> None:
        self.arrays: list[npt.NDArray[Any]] = []
        self._own = own
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []

    def encode(self, value: Any) -> Any:
        """Return the JSON form of `value`.

        Raises:
            TypeError: something in it has no such form, or is not trusted.
        """
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.generic):
            return {"scalar": value.dtype.str, "value": self.encode(_item(value))}
        if isinstance(value, type | FunctionType | BuiltinFunctionType | np.ufunc):
            return {"name": name_of(value, self._own)}
        if isinstance(value, np.dtype):
            return {"dtype": _plain(value).str}
        if kind is tuple:
            return {"tuple": [self.encode(item) for item in value]}
        if kind is set:
            return {"set": sorted((self.encode(item) for item in value), key=json.dumps)}
        if id(value) in self._numbers:
            return {"again": self._numbers[id(value)]}
        self._numbers[id(value)] = len(self._numbers)
        self._alive.append(value)
        return self._container(value)

    def _container(self, value: Any) -> Any:
        kind = type(value)
        if kind is list:
            return [self.encode(item) for item in value]
        if kind is dict:
            return {"dict": [[self.encode(key), self.encode(item)] for key, item in value.items()]}
        if kind in (np.ndarray, np.memmap):
            return self._array(np.asarray(value))
        if kind is np.random.RandomState:
            return {"random_state": self.encode(value.get_state(legacy=False))}
        if kind is np.random.Generator:
            return {"generator": self.encode(value.bit_generator.state)}
        return self._object(value)

    def _array(self, array: npt.NDArray[Any]) -> dict[str, Any]:
        if array.dtype == object:
            return {"objects": [self.encode(item) for item in array.ravel()], "shape": list(array.shape)}
        if array.dtype.hasobject:
            raise TypeError(f"the type {array.dtype} cannot be written")
        self.arrays.append(_without_padding(array))
        return {"array": len(self.arrays) - 1}

    def _object(self, value: Any) -> dict[str, Any]:
        reduced = value.__reduce_ex__(2)
        if isinstance(reduced, str):
            raise UntrustedError(reduced)
        make, arguments, *rest = reduced
        state, items, pairs = (*rest, None, None, None)[:3]
        if items is not None:
            raise TypeError(f"a {type(value).__name__} is a kind of list")
        if make.__name__ == "__newobj__":
            row: dict[str, Any] = {"new": name_of(arguments[0], self._own)}
            arguments = arguments[1:]
        else:
            row = {"call": name_of(make, self._own)}
        row["arguments"] = [self.encode(argument) for argument in arguments]
        if state is not None:
            row["state"] = self.encode(state)
        if pairs is not None:
            row["items"] = [[self.encode(key), self.encode(item)] for key, item in pairs]
        return row


def _item(value: np.generic) -> bool | int | float | str:
    item = value.item()
    if not isinstance(item, bool | int | float | str):
        raise TypeError(f"a number of type {value.dtype} cannot be written")
    return item


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.fields is not None:
        raise TypeError(f"the type {dtype} cannot be written")
    return dtype


def _without_padding(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array with zeros between the fields of its records, where memory holds anything."""
    if array.dtype.names is None:
        return array
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    return clean
