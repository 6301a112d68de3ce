"""The types of the backend's fields: what Docker takes, told before it is asked."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_LEAST_MEMORY = 6 << 20
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_IMAGE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?", re.ASCII)


def bytes_of(memory: str) -> int:
    """Return how many bytes a text such as `512m` or `2g` means, in Docker's units of 1024.

    Raises:
        ValueError: it is no such text.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]?)i?b?", memory.strip().lower())
    if found is None:
        raise ValueError("write a number with b, k, m or g, as in 512m or 2g")
    return int(float(found[1]) * _UNITS[found[2]])


def _memory(value: str) -> str:
    if bytes_of(value) < _LEAST_MEMORY:
        raise ValueError("a container needs at least 6m")
    return value


def _image(value: str) -> str:
    if not _IMAGE.fullmatch(value):
        lower = " The name is written in lower case." if value != value.lower() else ""
        raise ValueError(f"that is no image: write registry/name:tag or name@sha256:….{lower}")
    return value


def _user(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,10}(:[0-9]{1,10})?", value):
        raise ValueError("write the number of a user, or of a user and a group: 1000:1000")
    return value


def _mount(value: str) -> str:
    source, target, mode = mount_parts(value)
    if mode not in ("", "ro", "rw") or not (source.startswith("/") and target.startswith("/")):
        raise ValueError("write /folder, /folder:ro, /folder:/in/the/container or /folder:/in/the/container:ro")
    if target.rstrip("/") in ("", "/tmp"):  # noqa: S108 - the container's
        raise ValueError(f"{target} in the container is taken")
    return value


def _variable(value: str) -> str:
    if not value or "=" in value or "\0" in value:
        raise ValueError("that cannot be the name of a variable")
    return value


def mount_parts(mount: str) -> tuple[str, str, str]:
    """Return the source, the target and the mode (`ro`, `rw` or nothing) of a mount."""
    source, *more = mount.split(":")
    mode = more.pop() if more and not more[-1].startswith("/") else ""
    if len(more) > 1:
        return source, "", ""
    return source, more[0] if more else source, mode


Memory = Annotated[str, AfterValidator(_memory)]
"""`512m`, `2g`."""

Image = Annotated[str, AfterValidator(_image)]
"""`registry/name:tag`, `name@sha256:…`."""

User = Annotated[str, AfterValidator(_user)]
"""`1000` or `1000:1000`."""

Mount = Annotated[str, AfterValidator(_mount)]
"""`/folder`, `/folder:/target`, either with `:ro`."""

Variable = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable."""
