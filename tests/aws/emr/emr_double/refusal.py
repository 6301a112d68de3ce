"""Refusal: an answer that says no."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is an answer
    """A call that is refused.

    Args:
        code: the service's word for it.
        message: why.
        status: of HTTP.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


def invalid(message: str) -> Refusal:
    """Return what is said of a request that cannot be fulfilled."""
    return Refusal("ValidationException", message)
