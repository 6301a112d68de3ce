"""Damaged and hostile TFRecord files: the rows that a plain decoder reads, or a clear error.

`ZENML_FUZZ_SECONDS=600 pytest -s …/test_tfrecord_fuzz.py` goes on for ten minutes and says how many files it has tried.
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google_crc32c import value as crc32c
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from zenml.data.tfrecord import decode
from zenml.errors import DataError

SECONDS = float(os.environ.get("ZENML_FUZZ_SECONDS", "0"))
KINDS = {"b": 1, "bs": 1, "f": 2, "fs": 2, "i": 3, "is": 3, "a key that is longer than the others": 3}
STORED = {1: pa.binary(), 2: pa.float32(), 3: pa.int64()}
SCHEMA = pa.schema(
    {name: pa.list_(STORED[kind]) if name.endswith("s") else STORED[kind] for name, kind in KINDS.items()}
)


class WrongError(Exception):
    """A record that no decoder takes."""


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + masked(length) + record + masked(record)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(10):
        if at + number >= len(data):
            break
        value |= (data[at + number] & 0x7F) << 7 * number
        if data[at + number] < 0x80:
            return value % 2**64, at + number + 1
    raise WrongError


def fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield number, wire type and content of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            content, at = read_varint(data, at)
            yield number, wire, content
            continue
        size, at = read_varint(data, at) if wire == 2 else ({1: 8, 5: 4}.get(wire, len(data) + 1), at)
        if at + size > len(data):
            raise WrongError
        yield number, wire, data[at : at + size]
        at += size


def plain_values(kind: int, message: bytes) -> Iterator[Any]:
    for number, wire, content in fields(message):
        if number != 1:
            continue
        if kind == 1 and wire != 0:
            yield content
        elif kind == 2 and wire != 0:
            if len(content) % 4:
                raise WrongError
            yield from struct.unpack(f"<{len(content) // 4}f", content)
        elif kind == 3 and wire == 0:
            yield signed(content)
        elif kind == 3:
            at = 0
            while at < len(content):
                value, at = read_varint(content, at)
                yield signed(value)


def signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def plain_decode(record: bytes) -> dict[str, Any]:
    """Read a record as the wire format tells, one field after another."""
    row: dict[str, Any] = dict.fromkeys(KINDS)
    for number, wire, features in fields(record):
        for entry, inner, pair in fields(features) if (number, wire != 0) == (1, True) else ():
            if entry != 1 or inner == 0:
                continue
            parts = {part: content for part, kind, content in fields(pair) if kind != 0}
            name = bytes(parts.get(1, b"")).decode("latin-1")
            if name not in KINDS:
                continue
            found, values = 0, []
            for kind, style, message in fields(parts.get(2, b"")):
                if kind in (1, 2, 3) and style != 0:
                    values = [*(values if kind == found else []), *plain_values(kind, message)]
                    found = kind
            if found and found != KINDS[name]:
                raise WrongError
            if found and not name.endswith("s") and len(values) != 1:
                raise WrongError
            row[name] = None if not found else values if name.endswith("s") else values[0]
    return row


def plain_file(data: bytes) -> list[dict[str, Any]]:
    rows, at = [], 0
    while at < len(data):
        header = data[at : at + 12]
        if len(header) < 12 or masked(header[:8]) != header[8:]:
            raise WrongError
        stop = at + 12 + struct.unpack("<Q", header[:8])[0]
        if stop + 4 > len(data) or masked(data[at + 12 : stop]) != data[stop : stop + 4]:
            raise WrongError
        rows.append(plain_decode(data[at + 12 : stop]))
        at = stop + 4
    return rows


def comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [comparable(each) for each in value]
    return "not-a-number" if isinstance(value, float) and math.isnan(value) else value


numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 130)
VALUES = {1: st.binary(max_size=9) | st.binary(min_size=120, max_size=140), 2: st.floats(width=32), 3: numbers}


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Make a record of any writer: keys in any order, lists packed or not."""
    names = draw(st.lists(st.sampled_from([*KINDS, "another", "is nearly"]), unique=True))
    if draw(st.booleans()):
        names.sort()
    body = b""
    for name in names:
        kind = KINDS.get(name, 3)
        values = draw(
            st.lists(VALUES[kind], min_size=0 if name.endswith("s") else 1, max_size=5 if name.endswith("s") else 1)
        )
        packed = draw(st.integers(0, 9)) > 0
        if kind == 1:
            content = b"".join(field(1, value) for value in values)
        elif kind == 2:
            parts = [struct.pack("<f", value) for value in values]
            content = field(1, b"".join(parts)) if packed else b"".join(b"\x0d" + part for part in parts)
        else:
            parts = [varint(value % 2**64) for value in values]
            content = field(1, b"".join(parts)) if packed else b"".join(b"\x08" + part for part in parts)
        body += field(1, field(1, name.encode()) + field(2, field(kind, content)))
    return field(1, body)


HUGE = [varint(size) for size in (2**28 - 1, 2**28, 2**31, 2**32, 2**63, 2**64 - 1)]
TAGS = [b"\xff" * 11, b"\x80\x00", b"\x0a", b"\x12", b"\x1a", b"\x0b", b"\x0d", b"\x08", b""]
pieces = st.sampled_from([*HUGE, *TAGS]) | st.binary(max_size=6)


def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """Change some bytes: flip a bit, cut the end, put other bytes in the place of some, or repeat some."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 4)))
        match draw(st.sampled_from(["flip", "cut", "put", "repeat"])):
            case "flip" if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
            case "cut":
                data = data[:at]
            case "put":
                data = data[:at] + draw(pieces) + data[end:]
            case _:
                data = data[:end] + data[at:]
    return data


@dataclass(frozen=True)
class File:
    """A file of records, each perhaps several times.

    Args:
        records: the records.
        order: which record stands at each place.
        damaged: whether something was damaged.
        data: what stands in the file.
    """

    records: tuple[bytes, ...]
    order: tuple[int, ...]
    damaged: bool
    data: bytes

    def variant(self, seed: int) -> File:
        """Damage one of the records, depending on nothing but the file and a number."""
        chance = np.random.default_rng([crc32c(self.data), seed])
        some = list(self.records)
        number = int(chance.integers(len(some)))
        record = some[number]
        for _ in range(chance.integers(1, 3)):
            at, end = sorted(chance.integers(0, len(record) + 1, 2).tolist())
            put = (bytes(chance.integers(0, 256, chance.integers(1, 3)).tolist()), *HUGE, *TAGS)
            # Mostly one byte in the place of another, as whatever shifts the rest is soon refused.
            end = min(end, at + 1) if chance.random() < 0.8 else end
            record = record[:at] + put[int(chance.integers(len(put)) if chance.random() < 0.5 else 0)] + record[end:]
        some[number] = record
        return File(tuple(some), self.order, True, b"".join(framed(some[place]) for place in self.order))


@st.composite
def files(draw: st.DrawFn) -> File:
    """Make a file, most of them with some damage."""
    some = draw(st.lists(records(), min_size=1, max_size=4))
    damaged = draw(st.integers(0, 4)) > 0
    if damaged:
        some.append(damage(draw, draw(st.sampled_from(some))))
    order = draw(st.lists(st.integers(0, len(some) - 1), min_size=1, max_size=draw(st.sampled_from([3, 60]))))
    data = b"".join(framed(some[number]) for number in order)
    if draw(st.integers(0, 9)) == 0:
        damaged, data = True, damage(draw, data)
    return File(tuple(some), tuple(order), damaged, data)


def check(file: File) -> str:
    """Compare the rows of a file with those of the plain decoder; return what came out."""
    try:
        wanted = [comparable(list(row.values())) for row in plain_file(file.data)]
    except WrongError:
        wanted = None
    try:
        table = decode(file.data, SCHEMA)
    except DataError:
        # An entry that is bad in itself is refused even where a later one of the same key takes its place.
        if wanted is None or file.damaged:
            return "refused"
        raise
    table.validate(full=True)
    found = [comparable(list(row.values())) for row in table.to_pylist()]
    assert wanted == found
    return "read"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_damaged_files_give_the_rows_of_a_plain_decoder_or_an_error(file: File) -> None:
    check(file)
    check(file.variant(0))


@pytest.mark.skipif(not SECONDS, reason="ZENML_FUZZ_SECONDS is not set")
def test_it_goes_on_as_long_as_it_is_asked_to() -> None:
    resource = pytest.importorskip("resource", reason="this system does not tell how much memory was taken")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    until = time.monotonic() + SECONDS
    outcomes: Counter[str] = Counter()
    slowest = 0.0

    @settings(
        max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(files())
    def go_on(file: File) -> None:
        nonlocal slowest
        for seed in range(60):
            if time.monotonic() > until:
                return
            start = time.process_time()
            outcomes[check(file.variant(seed) if seed else file)] += 1
            slowest = max(slowest, time.process_time() - start)

    while time.monotonic() < until:
        go_on()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{outcomes.total()} files: {dict(outcomes)}; slowest {slowest:.2f} s, {grown:.0f} MB more at the most")
    assert grown < 300
