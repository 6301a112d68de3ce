"""The types by which steps are wired: an output of a type feeds an input of that type."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import ClassVar


class Artifact:
    """Base of all artifact types; subclass it for a type of your own.

    An artifact is an immutable folder of files. Its *content digest* covers the files that matter to whoever reads it.
    """

    NOT_CONTENT: ClassVar[tuple[str, ...]] = ()
    """Glob patterns of file names (relative, with `/`) that the content digest leaves out."""

    @classmethod
    def is_content(cls, name: str) -> bool:
        """Say whether the file `name` counts in the content digest."""
        return not any(fnmatchcase(name, pattern) for pattern in cls.NOT_CONTENT)


class Examples(Artifact):
    """A snapshot of rows in named splits: Arrow shards and a schema; statistics and TFRecord copies beside them.

    The bad rows that a datasource kept in `quarantine/` are no rows of the snapshot either.
    """

    NOT_CONTENT = ("*statistics.json", "tfrecord/*", "quarantine/*")


class TransformedExamples(Artifact):
    """Rows in named splits after a fitted `Transform`: Arrow shards of model inputs and labels."""


class Transform(Artifact):
    """A fitted preprocessing: the one implementation used in training, batch inference and serving."""


class Model(Artifact):
    """A model bundle: the framework's own format, the transform, the signature and an example request.

    A SavedModel beside the format that predicts is a copy of it for servers; its graph differs in its bytes with what
    else its process had built.
    """

    NOT_CONTENT = ("model/saved_model/*",)


class Evaluation(Artifact):
    """Metrics, overall and per slice."""


class Statistics(Artifact):
    """Statistics of the columns of a set of rows."""


class Schema(Artifact):
    """Names, types, presence and domains of the columns of a set of rows."""


def fits(given: type[Artifact], wanted: type[Artifact]) -> bool:
    """Say whether an output of one type feeds an input of another.

    Types of the same module and name are the same, also where one of them stands for a class that is not imported.
    """
    name = (wanted.__module__, wanted.__qualname__)
    return issubclass(given, wanted) or any((base.__module__, base.__qualname__) == name for base in given.__mro__)
