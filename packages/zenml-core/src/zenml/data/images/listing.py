"""Listing: the images below a folder, one folder per label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zenml.data.source_files import SourceFile, filesystem, local_file, remote_file
from zenml.errors import DataError, Problem

_SHOWN = 20


def list_images(folder: str, suffixes: Sequence[str]) -> list[SourceFile]:
    """Return the images below a folder, sorted by path; hidden files and those of other suffixes are left out.

    Args:
        folder: a path or an fsspec URL; each folder in it is a label, with images at any depth.
        suffixes: suffixes of images, in lower case.

    Raises:
        DataError: there is no such folder, no image in it, or an image that lies in no folder of its own label.
    """
    folder = folder.removeprefix("file://")
    names = _remote_names(folder) if "://" in folder else _local_names(folder)
    wanted = [
        name
        for name in sorted(names)
        if name.lower().endswith(tuple(suffixes)) and not any(part.startswith(".") for part in name.split("/"))
    ]
    if not wanted:
        mend = f"Images are files with one of the suffixes {', '.join(suffixes)}"
        raise DataError("there is no image in this folder or below", folder, mend)
    bare = [name for name in wanted if "/" not in name]
    if bare:
        mend = "Put each image into a folder that is called like its label"
        problems = [Problem("this image has no label", f"{folder.rstrip('/')}/{name}", mend) for name in bare[:_SHOWN]]
        more = [Problem(f"{len(bare)} images have no label")] if len(bare) > _SHOWN else []
        raise DataError([*problems, *more])
    root = folder.rstrip("/")
    if "://" in folder:
        return [remote_file(f"{root}/{name}") for name in wanted]
    return [local_file(str(Path(root).absolute() / name)) for name in wanted]


def relative_names(folder: str, files: Sequence[SourceFile]) -> list[str]:
    """Return the path of each image below the folder, with `/` between its parts."""
    root = folder.removeprefix("file://").rstrip("/")
    root = root if "://" in root else Path(root).absolute().as_posix()
    return [Path(file.url).as_posix()[len(root) + 1 :] if file.local else file.url[len(root) + 1 :] for file in files]


def _local_names(folder: str) -> list[str]:
    place = Path(folder)
    if not place.is_dir():
        what = "this is a file, not a folder" if place.exists() else "there is no such folder"
        raise DataError(what, folder, "Name the folder that holds a folder of images for each label")
    return [path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()]


def _remote_names(folder: str) -> list[str]:
    fs, root = filesystem(folder)
    root = root.rstrip("/")
    return [name[len(root) + 1 :] for name in fs.find(root)]
