"""Component: what a spec names by `type` and sets up by `config` (steps, datasources, backends, stores)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from zenml.errors import ConfigError, Problem, closest
from zenml.secrets.secret import keeping_secrets, references_only


class Component(BaseModel):
    """A pydantic model that can be written in a spec as `{type: …, config: {…}}`.

    Subclasses declare annotated, JSON-typed fields and nothing else; work belongs into methods, because a component is
    built wherever the spec is read. A custom `__init__` is refused when the class is made.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, protected_namespaces=())

    KINDS: ClassVar[tuple[str, ...]] = ()
    """Registry kinds under which a plugin may offer this class."""

    def __init__(self, **config: Any) -> None:
        try:
            super().__init__(**config)
        except ValidationError as error:
            raise ConfigError(config_problems(type(self), error)) from None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            raise TypeError(
                f"{cls.__qualname__} defines __init__, which a spec cannot call. "
                "Declare its parameters as annotated fields; compute what derives from them in a method "
                "or in model_post_init"
            )

    def to_config(self) -> dict[str, Any]:
        """Return the block `{"type": …, "config": {…}}` (JSON types) that `from_config` makes an equal one of."""
        from zenml.plugins.registry import type_name

        return {"type": type_name(type(self)), "config": self.written_config()}

    def written_config(self) -> dict[str, Any]:
        """Return the fields as JSON types; those that nobody set, and that hold their default, are left out.

        Of a secret the reference is written; one given as a value is first kept in the repository's secrets file.

        Raises:
            SecretError: there is no repository to keep a secret in, or its secrets file cannot be written.
        """
        changed = self.model_dump(mode="json", exclude_defaults=True)
        with keeping_secrets(self._secrets_prefix()) as context:
            config = self.model_dump(mode="json", context=context)
        return {name: value for name, value in config.items() if name in changed or name in self.model_fields_set}

    def _secrets_prefix(self) -> str:
        """Return what the names of this component's secrets begin with: `metadata.mysql`, `orchestrator.docker`."""
        kind = self.KINDS[0].removesuffix("-store") if self.KINDS else "component"
        name = getattr(self, "name", None)
        if not isinstance(name, str):
            words = re.split("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", type(self).__name__)
            name = "".join(word for word in words if word.lower() not in {*kind.split("-"), "backend", "store"})
        return f"{kind}.{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-') or 'default'}"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the component that a `{"type": …, "config": {…}}` block describes.

        In such a block a secret is a reference, or a `Secret`.

        Raises:
            PluginError: no installed plugin offers the type, or it cannot be imported.
            ConfigError: the type is of another family than `cls`, or its config does not fit.
        """
        from zenml.plugins.registry import load_type

        kind = load_type(str(config["type"]), cls.KINDS)
        if not (isinstance(kind, type) and issubclass(kind, cls)):
            raise ConfigError(f"{config['type']} is not a {cls.__name__}")
        with references_only():
            return kind(**dict(config.get("config") or {}))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash((type(self), self.model_dump_json()))


def config_problems(owner: type[BaseModel], error: ValidationError, where: str = "") -> list[Problem]:
    """Turn pydantic's errors into problems that name the field, the value and the closest valid name."""
    place = where or owner.__name__
    found = []
    for row in error.errors(include_url=False):
        path = ".".join(str(part) for part in row["loc"])
        spot = f"{place}.{path}" if path else place
        if row["type"] == "extra_forbidden":
            name = str(row["loc"][-1])
            known = sorted(owner.model_fields)
            mend = closest(name, known) or (f"Known: {', '.join(known)}" if known else "It takes none")
            found.append(Problem("unknown parameter", spot, mend))
        elif row["type"] == "missing":
            found.append(Problem("a value is required", spot))
        else:
            what = row["msg"].removeprefix("Value error, ")
            given = "" if row["type"] == "value_error" else f", got {str(row['input'])[:80]!r}"
            found.append(Problem(what + given, spot))
    return found
