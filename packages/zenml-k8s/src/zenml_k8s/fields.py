"""Types of the backend's fields: what Kubernetes would refuse is refused where it is written."""

from __future__ import annotations

import re
from typing import Annotated, Required

from pydantic import AfterValidator, BeforeValidator, ConfigDict
from typing_extensions import TypedDict

_IMAGE = re.compile(
    r"([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]+)?/)?"  # registry
    r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9][-a-z0-9]*")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_QUANTITY = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_LONGEST_PREFIX = 43
"""A Job's name has at most 63 characters, and a run's id takes 20 of them."""


def _image(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        raise ValueError("this is no name of an image: write [registry/]repository[:tag][@sha256:digest]")
    return text


def _namespace(text: str) -> str:
    if len(text) > 63 or not _LABEL.fullmatch(text):
        raise ValueError("a namespace is at most 63 lower-case letters, digits and dashes")
    return text


def _name(text: str) -> str:
    if len(text) > 253 or not _SUBDOMAIN.fullmatch(text):
        raise ValueError("a name is at most 253 lower-case letters, digits, dots and dashes")
    return text


def _prefix(text: str) -> str:
    if len(text) > _LONGEST_PREFIX or not _PREFIX.fullmatch(text):
        raise ValueError(f"it is at most {_LONGEST_PREFIX} lower-case letters, digits and dashes; a letter comes first")
    return text


def _quantity(value: object) -> str:
    text = str(value)
    if isinstance(value, bool) or not _QUANTITY.fullmatch(text):
        raise ValueError("this is no amount: write 2, 0.5, 500m, 512Mi, 4Gi")
    return text


def _key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if not _QUALIFIED.fullmatch(name) or (slash and (len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix))):
        raise ValueError(f"{text!r} is no key: write name or domain/name, of letters, digits, dots and dashes")
    return text


def _label_value(text: str) -> str:
    if text and not _QUALIFIED.fullmatch(text):
        raise ValueError(f"{text!r} is no value of a label: at most 63 letters, digits, dots, dashes and underscores")
    return text


def _mount(text: str) -> str:
    if not text.startswith("/") or text == "/" or ":" in text or ".." in text.split("/"):
        raise ValueError(f"{text!r} is no place to mount at: write an absolute path")
    return text.rstrip("/")


Image = Annotated[str, AfterValidator(_image)]
"""An image's name."""
Namespace = Annotated[str, AfterValidator(_namespace)]
"""A namespace's name."""
ObjectName = Annotated[str, AfterValidator(_name)]
"""The name of a Secret, a service account, a claim."""
Prefix = Annotated[str, AfterValidator(_prefix)]
"""What the names of Jobs begin with."""
Quantity = Annotated[str, BeforeValidator(_quantity)]
"""An amount, such as `500m` or `4Gi`; numbers are taken too."""
Key = Annotated[str, AfterValidator(_key)]
"""A key of a label or an annotation."""
LabelValue = Annotated[str, AfterValidator(_label_value)]
"""A value of a label."""
MountPath = Annotated[str, AfterValidator(_mount)]
"""An absolute path in the container."""


class Resources(TypedDict, total=False):
    """What a container is given, in Kubernetes' words."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # pydantic's way for typed dictionaries

    requests: dict[Key, Quantity]
    limits: dict[Key, Quantity]


class Toleration(TypedDict, total=False):
    """A taint that is put up with, in Kubernetes' words."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # see above

    key: Key
    operator: str
    value: LabelValue
    effect: str
    tolerationSeconds: int


class Reference(TypedDict, total=False):
    """A Secret or a ConfigMap by name."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # see above

    name: Required[ObjectName]
    optional: bool


class EnvSource(TypedDict, total=False):
    """Where variables are taken from, in Kubernetes' words."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # see above

    prefix: str
    secretRef: Reference
    configMapRef: Reference
