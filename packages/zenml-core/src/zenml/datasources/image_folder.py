"""ImageFolderDatasource: images in folders that are called like their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from zenml.data.source_files import SourceFile
from zenml.datasources.files import FileDatasource
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead


class ImageFolderDatasource(FileDatasource):
    """Read images from a folder that holds a folder for each label, with images at any depth.

    A row has three columns: `image` (the bytes of the file as they are), `label` (the name of the folder) and `path`
    (below the folder, such as `cats/1.png`); rows are sorted by path. Hidden files and those with other suffixes are
    left out; a file that is no JPEG, PNG, GIF, BMP, TIFF or WebP image by its first bytes is an error.

    Args:
        path: the folder, as a path (relative to the repository's root) or a URL that fsspec understands.
        tfrecord: see `FileDatasource`.
        suffixes: suffixes of images, in lower case.
    """

    CACHE_VERSION = 1
    CODEC: ClassVar[str] = "images/1"
    PARSING: ClassVar[tuple[str, ...]] = ("suffixes",)

    suffixes: list[Annotated[str, Field(pattern=r"^\.[^A-Z/]+$")]] = Field(
        default_factory=lambda: [".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"], min_length=1
    )

    def list_files(self) -> list[SourceFile]:
        """Return the images, sorted by path."""
        from zenml.data.images.listing import list_images

        return list_images(self.path, self.suffixes)

    def parsing(self, files: Sequence[SourceFile]) -> dict[str, Any]:
        """Return the paths below the folder, which are columns, too."""
        from zenml.data.images.listing import relative_names

        return {"names": relative_names(self.path, files)}

    def read_files(self, files: Sequence[SourceFile], context: StepContext) -> TableRead:
        """Read the images, some at a time."""
        from zenml.data.images.commit import keep_images
        from zenml.data.images.listing import relative_names

        names = relative_names(self.path, files)
        return keep_images(files, names, self.tfrecord, context.outputs["examples"].path, context.run_job)
