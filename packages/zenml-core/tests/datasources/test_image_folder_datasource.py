from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zenml.data.snapshot import Snapshot
from zenml.datasources.image_folder import ImageFolderDatasource
from zenml.errors import ConfigError, DataError
from zenml.testing.hostile import HostileProcessingBackend

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"
WEBP = b"RIFF\0\0\0\0WEBP"


def write(folder: Path, images: dict[str, bytes]) -> str:
    for name, data in images.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return str(folder)


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


IMAGES = {"dog/2.PNG": PNG + b"2", "cat/b/3.webp": WEBP + b"3", "cat/1.jpg": JPEG + b"1"}


def test_reads_bytes_label_and_path_sorted_by_path(tmp_path: Path, run_step: Any) -> None:
    path = write(tmp_path, {**IMAGES, "cat/.DS_Store": b"x", "cat/notes.txt": b"x", ".cache/x.png": PNG})
    snapshot = Snapshot.of(run_step(ImageFolderDatasource(name="t", path=path)))
    assert {feature.name: feature.type.value for feature in snapshot.schema} == {
        "image": "bytes",
        "label": "string",
        "path": "string",
    }
    assert rows(snapshot) == [
        {"image": JPEG + b"1", "label": "cat", "path": "cat/1.jpg"},
        {"image": WEBP + b"3", "label": "cat", "path": "cat/b/3.webp"},
        {"image": PNG + b"2", "label": "dog", "path": "dog/2.PNG"},
    ]


def test_files_that_are_no_images_are_told_all_at_once(tmp_path: Path, run_step: Any) -> None:
    path = write(tmp_path, {**IMAGES, "cat/empty.png": b"", "dog/page.jpg": b"<html>"})
    with pytest.raises(DataError) as error:
        run_step(ImageFolderDatasource(name="t", path=path))
    assert [(problem.where, problem.what) for problem in error.value.problems] == [
        (f"{path}/cat/empty.png", "the file is empty"),
        (f"{path}/dog/page.jpg", "this is no image (JPEG, PNG, GIF, BMP, TIFF or WebP)"),
    ]
    assert [file for file in (run_step.root / "step-1" / "out").rglob("*") if file.is_file()] == []


def test_images_without_a_label_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {"cat/1.png": PNG, **{f"{number}.png": PNG for number in range(25)}})
    with pytest.raises(DataError, match=r"0\.png: this image has no label\. Put each image into a folder") as error:
        ImageFolderDatasource(name="t", path=path).identity()
    assert str(error.value.problems[-1]) == "25 images have no label"


@pytest.mark.parametrize(
    ("place", "message"),
    [("nowhere", "there is no such folder"), ("file.png", "this is a file, not a folder"), ("empty", "no image in")],
)
def test_what_is_no_folder_of_images_is_refused(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "file.png").write_bytes(PNG)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        ImageFolderDatasource(name="t", path=str(tmp_path / place)).identity()
    with pytest.raises(ConfigError, match="suffixes"):
        ImageFolderDatasource(name="t", path=str(tmp_path), suffixes=["png"])


def test_identity_depends_on_labels_and_contents_and_not_on_the_place(tmp_path: Path) -> None:
    def identity(name: str, images: dict[str, bytes]) -> str:
        return ImageFolderDatasource(name="t", path=write(tmp_path / name, images)).identity()

    one = identity("one", IMAGES)
    assert identity("two", IMAGES) == one
    assert identity("three", {**IMAGES, "cat/1.jpg": JPEG + b"other"}) != one
    assert (
        identity("four", {"hen/2.PNG" if name == "dog/2.PNG" else name: data for name, data in IMAGES.items()}) != one
    )
    datasource = ImageFolderDatasource(name="t", path="one").resolve(tmp_path)
    assert datasource.identity() == one
    assert datasource.local_paths() == [str(tmp_path / "one" / name) for name in sorted(IMAGES)]


def test_url_is_read_through_fsspec(run_step: Any) -> None:
    import fsspec

    fs = fsspec.filesystem("memory")
    for name, data in IMAGES.items():
        fs.pipe(f"/image-folder/{name}", data)
    datasource = ImageFolderDatasource(name="t", path="memory://image-folder")
    assert [row["path"] for row in rows(Snapshot.of(run_step(datasource)))] == sorted(IMAGES)


def test_every_engine_gives_the_same_bytes(
    tmp_path: Path, run_step: Any, files_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenml.data.images.commit.MOST", 7)
    path = write(tmp_path / "in", {f"{n % 3}/{n:03d}.png": PNG + bytes(n) for n in range(60)})
    datasource = ImageFolderDatasource(name="t", path=path)
    here = run_step(datasource)
    assert len(here.properties["splits"]["all"]["shards"]) == 9
    assert files_of(here.path) == files_of(run_step(datasource, engine=HostileProcessingBackend(seed=3)).path)
