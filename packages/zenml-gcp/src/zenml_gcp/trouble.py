"""What errors of Cloud Storage mean to whoever uses an artifact store, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator

from zenml.artifacts.trouble import UNREACHABLE
from zenml.errors import Problem

_SIGN_IN = "Run gcloud auth application-default login, or give credentials=file:PATH of a service account's key"
_BY_TYPE = {
    "DefaultCredentialsError": ("no Google credentials were found", _SIGN_IN),
    "RefreshError": ("the Google credentials are not valid any more", _SIGN_IN),
    "MalformedError": ("the key of the service account is not complete", _SIGN_IN),
    "TransportError": ("Google's sign-in cannot be reached", UNREACHABLE),
    "ClientConnectorError": ("the service cannot be reached", UNREACHABLE),
    "ServerDisconnectedError": ("the service broke the connection off", UNREACHABLE),
    "ClientError": ("the service cannot be reached", UNREACHABLE),
    "ConnectionError": ("the service cannot be reached", UNREACHABLE),
    "ChecksumError": ("what arrived is not what was sent", "Run again"),
}
_LIBRARIES = ("google.auth", "aiohttp", "requests", "gcsfs")
_DENIED = "Grant the role Storage Object Admin on it"


def problem_of(error: BaseException, root: str) -> Problem | None:
    """Return the problem that an error, or one that it stands for, tells of; None where it is not the service's."""
    bucket = root.partition("://")[2].partition("/")[0]
    for cause in _causes(error):
        code = _code(cause)
        if code == 401:
            return Problem("the service does not accept the credentials", mend=_SIGN_IN)
        if code == 403:
            return Problem(f"access to the bucket {bucket} is denied", mend=_DENIED)
        if code:
            return Problem(f"the service answered {code}")
        if isinstance(cause, FileNotFoundError):
            return Problem(f"the bucket {bucket} does not exist", mend="Make it, or choose another one")
        if isinstance(cause, ValueError) and str(cause).startswith("Bad Request"):
            return Problem(f"{bucket!r} is no name of a bucket", mend="Write gs://bucket/folder")
        for kind in type(cause).__mro__:
            if kind.__module__.startswith(_LIBRARIES) and kind.__name__ in _BY_TYPE:
                what, mend = _BY_TYPE[kind.__name__]
                return Problem(what, mend=mend)
    return None


def _code(error: BaseException) -> int:
    """Return the HTTP status that an error of gcsfs tells of, or 0."""
    if type(error) is OSError and str(error).startswith("Forbidden"):
        return 403
    try:
        return int(getattr(error, "code", 0) or 0)
    except (TypeError, ValueError):
        return 0


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
