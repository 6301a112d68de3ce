"""LoadBinaryImage and ImageReshape: encoded images as vectors of pixels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from zenml.data.transforms.method import Arrays, Fitted, Method
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.values import ValueType

MOST_NUMBERS = 1 << 20
"""The longest vector that an image becomes."""

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_MISSING = "Pillow decodes images, and is not installed; run: pip install 'zenml-core[images]'"

Side = Literal["channels_last", "channels_first"]


@dataclass(frozen=True)
class _Pixels(Fitted):
    """What both transforms say of the vectors that they make."""

    height: int
    width_: int
    channels: int

    def summary(self, taken: Summary) -> Summary:
        """Keep nothing: no method is fitted on vectors."""
        return Summary(ValueType.VECTOR, ())

    def to_json(self) -> Mapping[str, Any]:
        """Return nothing: the parameters say it all."""
        return {}

    def width(self) -> int:
        """Return how many numbers an image has."""
        return self.height * self.width_ * self.channels

    def _vectors(self, pixels: npt.NDArray[np.float32]) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(pa.array(pixels.reshape(-1)), self.width())


@dataclass(frozen=True)
class Loaded(_Pixels):
    """An encoded image becomes its pixels, row by row; a null becomes a vector of NaN."""

    def apply(self, array: pa.Array) -> pa.Array:
        """Decode.

        Raises:
            ValueError: Pillow is not installed, or bytes are no image that it reads.
        """
        pixels = np.full((len(array), self.height, self.width_, self.channels), np.nan, np.float32)
        for number, cell in enumerate(array):
            if cell.is_valid:
                try:
                    pixels[number] = self._decoded(cell.as_py())
                except _errors() as error:
                    raise ValueError(f"value {number + 1} of {len(array)} is no image to read: {error}") from None
        return self._vectors(pixels)

    def _decoded(self, data: bytes) -> npt.NDArray[np.float32]:
        from PIL import Image

        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data)) as image:
                made = image.convert(_MODES[self.channels])
        if made.size != (self.width_, self.height):
            made = made.resize((self.width_, self.height), Image.Resampling.BILINEAR)
        shaped = np.asarray(made, np.uint8).reshape(self.height, self.width_, self.channels)
        return shaped.astype(np.float32) / np.float32(255)

    def names(self, feature: str) -> list[str]:
        """Name each number by row, column and channel."""
        sides = (self.height, self.width_, self.channels)
        return [f"{feature}[{','.join(map(str, place))}]" for place in np.ndindex(sides)]


def _errors() -> tuple[type[Exception], ...]:
    """Return what Pillow raises for bytes that it cannot read."""
    try:
        from PIL import Image
    except ImportError:
        raise ValueError(_MISSING) from None
    broken = (OSError, SyntaxError, ValueError, EOFError, IndexError)
    return (*broken, Image.DecompressionBombError, Image.DecompressionBombWarning)


class _Image(Method):
    CARRIES: ClassVar[frozenset[Need]] = frozenset()
    KEEPS_NULLS = False

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    channels: int = Field(default=3, ge=1)

    def gives(self, taken: ValueType) -> ValueType:
        """Give vectors."""
        return ValueType.VECTOR

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        numbers = self.height * self.width * self.channels
        if numbers > MOST_NUMBERS:
            raise ValueError(f"an image would have {numbers:,} numbers, and at most {MOST_NUMBERS:,} are made")
        return self

    def load(self, taken: ValueType, row: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """Read nothing."""
        return self.fit(Summary(taken, ()))


class LoadBinaryImage(_Image):
    """Decode the images in a column of bytes (PNG, JPEG and whatever else Pillow reads).

    It gives a vector of `height` * `width` * `channels` floats from 0 to 1 (value / 255), row by row of the image, the
    channels of a pixel side by side. An image of another mode is converted as by Pillow's `Image.convert` (grey is
    0.299 R + 0.587 G + 0.114 B), one of another size is stretched to the given one with Pillow's bilinear filter. Bytes
    that are no image are an error; a null gives NaN. Nothing is learned. Pillow comes with `zenml-core[images]`.

    Args:
        height: rows of the image.
        width: columns of the image.
        channels: 1 for grey, 3 for red, green and blue, 4 with opacity.
    """

    NAME = "load_binary_image"
    TAKES = frozenset({ValueType.BYTES})

    @field_validator("channels")
    @classmethod
    def _check_channels(cls, channels: int) -> int:
        if channels not in _MODES:
            raise ValueError(f"channels is {channels}, but must be 1, 3 or 4")
        return channels

    def problem(self, taken: ValueType) -> str:
        """Tell whether Pillow is missing."""
        return "" if find_spec("PIL") else _MISSING

    def fit(self, summary: Summary) -> Fitted:
        """Learn nothing."""
        return Loaded(self.height, self.width, self.channels)


@dataclass(frozen=True)
class Reshaped(_Pixels):
    """The numbers of a vector are those of an image; channels may come first."""

    order: Side

    def apply(self, array: pa.Array) -> pa.Array:
        """Put the numbers in order.

        Raises:
            ValueError: vectors of another length.
        """
        length = array.type.list_size
        if length != self.width():
            shape = f"{self.height} x {self.width_} x {self.channels}"
            raise ValueError(f"vectors of {length} numbers cannot be images of {shape}")
        pixels = array.flatten().to_numpy().reshape(len(array), self.height, self.width_, self.channels)
        if self.order == "channels_first":
            pixels = pixels.transpose(0, 3, 1, 2)
        return self._vectors(np.ascontiguousarray(pixels))

    def names(self, feature: str) -> list[str]:
        """Name each number by its place in the image."""
        sides = (self.height, self.width_, self.channels)
        sides = (self.channels, *sides[:2]) if self.order == "channels_first" else sides
        return [f"{feature}[{','.join(map(str, place))}]" for place in np.ndindex(sides)]


class ImageReshape(_Image):
    """Take the numbers of a vector as an image of another shape, as NumPy's `reshape` does.

    The numbers are read as (`height`, `width`, `channels`), and as many as before. With `order="channels_first"` they
    come out as (`channels`, `height`, `width`), as PyTorch reads images. It gives a vector of the same length, whose
    numbers are named by their places. Nothing is learned.

    Args:
        height: rows of the image.
        width: columns of the image.
        channels: numbers in a pixel.
        order: whether the channels come last, side by side for each pixel, or first, one plane after another.
    """

    NAME = "image_reshape"
    TAKES = frozenset({ValueType.VECTOR})

    order: Side = "channels_last"

    def fit(self, summary: Summary) -> Fitted:
        """Learn nothing."""
        return Reshaped(self.height, self.width, self.channels, self.order)
