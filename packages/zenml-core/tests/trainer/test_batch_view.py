from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.steps.trainer.batches import BatchView
from zenml.steps.trainer.reader import SplitReader


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return numbered_rows(tmp_path_factory.mktemp("data"))


def numbered_rows(parent: Path) -> SplitReader:
    """Write three shards with 1,000 rows in all; the feature and the label are the row's number."""
    folder = parent / "train"
    folder.mkdir()
    for number, (first, last) in enumerate([(0, 300), (300, 301), (301, 1000)]):
        rows = np.arange(first, last)
        pairs = pa.FixedSizeListArray.from_arrays(pa.array(np.repeat(rows, 2).astype(np.float32)), 2)
        table = pa.table({"age": pa.array(rows.astype(np.float32)), "ill": pa.array(rows), "pair": pairs})
        path = str(folder / f"shard-{number:05d}.arrow")
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=128)
    return SplitReader(folder, ["ill"])


def seen(view, epoch=1, **more):
    return np.concatenate([labels for _, labels in view.epoch(epoch, **more)])


@settings(max_examples=25)
@given(
    st.sampled_from([1, 7, 64, 999, 1000, 1100]),
    st.sampled_from([256, 4000, 1 << 20]),
    st.integers(0, 3),
    st.booleans(),
)
def test_every_row_comes_once_in_each_epoch_in_batches_of_the_size(split, size, window, epoch, shuffled):
    view = BatchView(split, size, seed=7 if shuffled else None, window_bytes=window)
    batches = list(view.epoch(epoch))
    rows = np.concatenate([labels for _, labels in batches])
    assert [len(features) for features, _ in batches] == [size] * (1000 // size) + [1000 % size] * (1000 % size > 0)
    assert sorted(rows) == list(range(1000))
    assert len(view) == len(batches)
    for features, labels in batches:
        assert features.dtype == np.float32
        assert (features == labels[:, None]).all()
    if not shuffled:
        assert rows.tolist() == list(range(1000))


@pytest.mark.parametrize("window", [2000, 1 << 20])
def test_the_order_follows_from_seed_and_epoch_whatever_was_read_before(split, window):
    def view(seed=7):
        return BatchView(split, 64, seed=seed, window_bytes=window)

    one = view()
    first, second = seen(one, 1), seen(one, 2)
    assert not np.array_equal(first, second)
    assert np.array_equal(seen(view(), 2), second)
    assert np.array_equal(seen(one, 1), first)
    assert not np.array_equal(seen(view(8), 1), first)
    next(iter(one.epoch(5)))
    assert np.array_equal(seen(one, 2), second)


@pytest.mark.parametrize("window", [2000, 1 << 20])
def test_shuffling_mixes_the_shards(split, window):
    first = seen(BatchView(split, 100, seed=1, window_bytes=window))[:100]
    assert first.min() < 300 < first.max()
    assert abs(np.diff(first)).mean() > 10


@pytest.mark.parametrize("skip", [0, 1, 5, 15, 16, 99])
@pytest.mark.parametrize("window", [2000, 1 << 20])
def test_an_epoch_can_go_on_from_any_batch(split, skip, window):
    view = BatchView(split, 64, seed=3, window_bytes=window)
    batches = list(view.epoch(4))
    rest = list(view.epoch(4, skip=skip))
    assert len(rest) == max(0, len(batches) - skip)
    for one, other in zip(batches[skip:], rest, strict=True):
        assert np.array_equal(one[0], other[0])


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(1, 300))
def test_processes_share_each_batch(split, world, size):
    views = [BatchView(split, size, seed=5, rank=rank, world=world) for rank in range(world)]
    for whole, *parts in zip(BatchView(split, size, seed=5).epoch(2), *(view.epoch(2) for view in views), strict=True):
        assert np.array_equal(np.concatenate([part[1] for part in parts]), whole[1])
        sizes = [len(part[1]) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_what_is_prepared_is_what_batches_are_slices_of(split):
    view = split.batch_view(10, seed=1, prepare=lambda features, labels: (features[:, :1], labels["ill"] * 2))
    features, doubled = next(iter(view.epoch()))
    assert features.shape == (10, 1)
    assert np.array_equal(features[:, 0] * 2, doubled)


def test_memory_does_not_grow_with_the_data(tmp_path):
    def peak(shards: int) -> int:
        folder = tmp_path / str(shards) / "train"
        folder.mkdir(parents=True)
        for number in range(shards):
            table = pa.table({f"f{column}": np.zeros(5000, np.float32) for column in range(8)} | {"y": np.zeros(5000)})
            path = str(folder / f"shard-{number:05d}.arrow")
            with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table, max_chunksize=1000)
        view = BatchView(SplitReader(folder, ["y"]), 256, seed=1, window_bytes=1_000_000)
        tracemalloc.start()
        for epoch in (1, 2):
            for _ in view.epoch(epoch):
                pass
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    assert peak(80) < 1.3 * peak(8)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_a_file_is_let_go_once_its_rows_are_read(tmp_path, monkeypatch):
    split = numbered_rows(tmp_path)
    mapped = []
    joined = np.concatenate

    def look(arrays):
        maps = Path("/proc/self/maps").read_text()
        if threading.current_thread() is threading.main_thread():  # others may still read ahead what nobody wants
            mapped.append([number for number in range(3) if str(split.folder / f"shard-{number:05d}") in maps])
        return joined(arrays)

    monkeypatch.setattr(np, "concatenate", look)
    _, labels = next(iter(split.batch_view(1000, seed=1).epoch()))
    assert len(labels) == 1000
    assert mapped[0] in ([2], []), "the last one may still be open"
