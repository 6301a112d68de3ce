"""Secret: a value for fields of steps, backends and stores that must not be written down."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zenml.errors import SecretError
from zenml.secrets.place import secrets_file, use_secrets_file
from zenml.secrets.redaction import MASK, remember
from zenml.secrets.resolver import is_scheme, near_scheme, resolve
from zenml.secrets.store import SecretsFile

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, SerializationInfo
    from pydantic_core import CoreSchema

_KEEPER = "zenml_secrets"
"""Key of the serialisation context under which a `_Keeper` is."""

_REFERENCE = re.compile(r"([a-z][a-z0-9-]+):(.+)", re.DOTALL)


class Secret:
    """A secret: a reference to where it is kept, or the value itself, a *literal*.

    As the type of a pydantic field it takes text or a `Secret`. Neither `str`, `repr`, JSON nor YAML ever show a
    literal; `written_config()` of a component keeps it in the repository's secrets file and writes the reference.

    Args:
        text: `env:NAME`, `file:PATH`, `secret:NAME`, a plugin's `SCHEME:NAME`, or a literal.
        literal: take the text as it is, even if it looks like a reference.

    Raises:
        SecretError: it looks like a reference, but nothing installed resolves its scheme; or it is empty.
    """

    __slots__ = ("_file", "_literal", "_reference")

    def __init__(self, text: str, *, literal: bool = False) -> None:
        self._reference: str | None = None
        self._literal = ""
        self._file: Path | None = None
        if not text or text == MASK:
            what = f"{MASK} stands for a secret that was not written down" if text else "the secret is empty"
            raise SecretError(what, mend="Give env:NAME, file:PATH, secret:NAME or the secret itself")
        if not literal and _is_reference(text):
            self._reference = text
            self._file = secrets_file()
        else:
            self._literal = text
            remember(text)

    @property
    def reference(self) -> str | None:
        """Where the secret is kept, as `SCHEME:NAME`; None for a literal."""
        return self._reference

    def reveal(self) -> str:
        """Return the secret itself, looked up anew.

        Raises:
            SecretError: the reference resolves to nothing; it names the reference and the mend.
        """
        if self._reference is None:
            return self._literal
        with use_secrets_file(self._file):
            value = resolve(self._reference)
        remember(value)
        return value

    def keep(self, name: str) -> str:
        """Return the reference; a literal is first kept in the repository's secrets file.

        Args:
            name: how to call a literal there; `-2`, `-3`, … follows where another value has that name.

        Raises:
            SecretError: there is no repository, or its secrets file cannot be read or written.
        """
        if self._reference is not None:
            return self._reference
        path = secrets_file()
        if path is None:
            raise SecretError(
                "a secret cannot be written down here: there is no repository that could keep it",
                mend="Make one: zenml init; or give a reference such as env:NAME",
            )
        return f"secret:{SecretsFile(path).keep(name, self._literal)}"

    def __str__(self) -> str:
        return self._reference or MASK

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._reference, self._literal) == (other._reference, other._literal)

    def __hash__(self) -> int:
        return hash((self._reference, self._literal))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        if self._reference is None:
            raise SecretError("a secret cannot be pickled", mend="Give a reference, such as env:NAME, instead")
        return Secret, (self._reference,)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _validated,
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _written,
                info_arg=True,
                is_field_serializer=True,
                when_used="json",
                return_schema=core_schema.str_schema(),
            ),
        )


def _is_reference(text: str) -> bool:
    """Tell a reference from a literal.

    Raises:
        SecretError: nothing installed resolves the scheme; it is not named, as it may be the beginning of a literal.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return False
    scheme, name = found.groups()
    if is_scheme(scheme):
        return True
    if name.startswith("//"):
        return False
    raise SecretError(
        "the text looks like the reference of a secret, but nothing installed knows its scheme",
        mend=f"{near_scheme(scheme)} If the text is the secret itself, write Secret(…, literal=True)",
    )


_references_only: ContextVar[bool] = ContextVar("zenml_references_only", default=False)


@contextlib.contextmanager
def references_only() -> Iterator[None]:
    """Refuse literals as text in fields of models that are made while the context is open: they come from a file."""
    token = _references_only.set(True)
    try:
        yield
    finally:
        _references_only.reset(token)


def _validated(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError(f"a secret is text, and this is a value of type {type(value).__name__}")
    try:
        secret = Secret(value)
    except SecretError as error:
        raise ValueError(str(error)) from None
    if secret.reference is None and _references_only.get():
        raise ValueError(
            "a secret itself must not stand here. Keep it with zenml secret set NAME, and write secret:NAME"
        )
    return secret


_writer: ContextVar[Callable[[Secret], str] | None] = ContextVar("zenml_secret_writer", default=None)


@contextlib.contextmanager
def writing_secrets(write: Callable[[Secret], str]) -> Iterator[None]:
    """Write what `write` says for each secret in models that are serialised while the context is open."""
    token = _writer.set(write)
    try:
        yield
    finally:
        _writer.reset(token)


def _written(_owner: object, value: Secret, info: SerializationInfo) -> str:
    write = _writer.get()
    if write is not None:
        return write(value)
    keeper = (info.context or {}).get(_KEEPER)
    return keeper.keep(value, getattr(info, "field_name", "secret")) if keeper else str(value)


class _Keeper:
    """Keeps literals while a model is serialised, and what went wrong: pydantic would wrap what is raised."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.problem: SecretError | None = None

    def keep(self, value: Secret, field: str) -> str:
        try:
            return value.keep(f"{self._prefix}.{field}")
        except SecretError as error:
            self.problem = error
            return str(value)


@contextlib.contextmanager
def keeping_secrets(prefix: str) -> Iterator[dict[str, Any]]:
    """Keep the literals of a model that is serialised with this context in the repository's secrets file.

    Args:
        prefix: what their names begin with, such as `metadata.mysql`; the field's name follows.

    Raises:
        SecretError: on leaving the context, where one could not be kept.
    """
    keeper = _Keeper(prefix)
    yield {_KEEPER: keeper}
    if keeper.problem:
        raise keeper.problem
