"""Decoding: objects from what `encoding` wrote. Only trusted names are imported and called, whatever the text says.

Tags: `float` (one that is not finite), `scalar` (of NumPy), `name` (a trusted class or function), `dtype`, `tuple`,
`set`, `dict`, `array` (by number), `objects` (an array of objects), `random_state`, `generator`, `new` (an object by
its class), `call` (an object by the function that makes it) and `again` (what came before, by number).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml_sklearn.trusted import resolve

_UNFINISHED = object()


class Decoder:
    """Decodes one object graph.

    Args:
        arrays: the arrays that the JSON refers to by number.
        own: classes of the user's own that are trusted, `module:Class`.
    """

    def __init__(self, arrays: Sequence[npt.NDArray[Any]], own: Collection[str] = ()) -> None:
        self._own = own
        self._arrays = arrays
        self._made: list[Any] = []

    def decode(self, row: Any) -> Any:
        """Return the object that `row` is the JSON form of.

        Raises:
            UntrustedError: it names what is not trusted; nothing of that is imported.
            Exception: it is of no such form, or its parts do not fit together.
        """
        match row:
            case None | bool() | int() | float() | str():
                return row
            case {"float": str(text)}:
                return float(text)
            case {"scalar": str(dtype), "value": value}:
                return np.dtype(dtype).type(self.decode(value))
            case {"name": str(name)}:
                return resolve(name, self._own)
            case {"dtype": str(dtype)}:
                return np.dtype(dtype)
            case {"tuple": [*items]}:
                return tuple(self.decode(item) for item in items)
            case {"set": [*items]}:
                return {self.decode(item) for item in items}
            case {"again": int(number)}:
                if self._made[number] is _UNFINISHED:
                    raise ValueError("an object is made of itself")
                return self._made[number]
        return self._container(row, len(self._made))

    def _container(self, row: Any, number: int) -> Any:
        """Make an object that others may refer to as `number`; a list, dict or object may even refer to itself."""
        self._made.append(_UNFINISHED)
        made: Any
        match row:
            case [*items]:
                made = self._made[number] = []
                made.extend(self.decode(item) for item in items)
            case {"dict": [*pairs]}:
                made = self._made[number] = {}
                self._fill(made, pairs)
            case {"array": int(place)}:
                made = self._made[number] = self._arrays[place]
            case {"objects": [*items], "shape": [*shape]}:
                made = self._made[number] = np.empty(shape, object)
                for place, item in enumerate(items):
                    made.flat[place] = self.decode(item)
            case {"random_state": state}:
                made = self._made[number] = np.random.RandomState()
                made.set_state(self.decode(state))
            case {"generator": state}:
                made = self._made[number] = np.random.Generator(np.random.PCG64(0))
                made.bit_generator.state = self.decode(state)
            case {"new": str(name), "arguments": [*arguments]}:
                cls = resolve(name, self._own)
                made = self._made[number] = cls.__new__(cls, *(self.decode(argument) for argument in arguments))
                self._complete(made, row)
            case {"call": str(name), "arguments": [*arguments]}:
                make = resolve(name, self._own)
                made = self._made[number] = make(*(self.decode(argument) for argument in arguments))
                self._complete(made, row)
            case _:
                raise ValueError(f"{str(row)[:80]} stands for nothing")
        return made

    def _complete(self, made: Any, row: dict[str, Any]) -> None:
        if "state" in row:
            state = self.decode(row["state"])
            if hasattr(made, "__setstate__"):
                made.__setstate__(state)
            else:
                vars(made).update(state)
        self._fill(made, row.get("items", ()))

    def _fill(self, made: Any, pairs: Sequence[Any]) -> None:
        for key, value in pairs:
            made[self.decode(key)] = self.decode(value)
