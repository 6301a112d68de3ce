"""What errors of AWS' services mean to whoever calls them, and what to do about them."""

from __future__ import annotations

import re
from typing import Any

from zenml.errors import ConfigError, Problem, ZenMLError
from zenml_aws.trouble import client_problem

_SIGN_IN = "Sign in again, for example: aws sso login"
_CHECK_KEYS = "Check the credentials: AWS_* variables, the profile in ~/.aws, or the role of this machine"
_WRONG = (
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_BUSY = (
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "RequestLimitExceeded",
    "ServerInternal",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "Unavailable",
)
_UNSIGNED_IN = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoRegionError")
_ACTION = re.compile(r"to perform:? (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?")


class RefusedError(ConfigError):
    """A service refused a call, or no call can be made.

    Args:
        code: the service's word for it; the client's where no call was made.
        problem: what happened, and the mend.
    """

    def __init__(self, code: str, problem: Problem) -> None:
        self.code = code
        super().__init__(problem)

    @property
    def signed_out(self) -> bool:
        """Whether there are no credentials, or none that are accepted: no other call will do better."""
        return self.code in (*_WRONG, *_EXPIRED, *_UNSIGNED_IN)

    @property
    def denied(self) -> bool:
        """Whether it lacks a permission."""
        return self.code in _DENIED


class BusyError(ZenMLError):
    """A service does not answer, or says that it cannot for the moment; what it was asked to do may be done or not."""


def explained(error: Exception, where: str) -> ZenMLError | None:
    """Return what an exception of the client means; None where it is not one of its own.

    Args:
        error: from a call.
        where: the call, as it is told.
    """
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        return _answered(response, where)
    problem = client_problem(error)
    if problem is None:
        return None
    problem = Problem(problem.what, where, problem.mend)
    names = {kind.__name__ for kind in type(error).__mro__}
    if {"NoCredentialsError", "TokenRetrievalError"} & names:
        return RefusedError("NoCredentialsError", problem)
    code = type(error).__name__
    return RefusedError(code, problem) if code in (*_UNSIGNED_IN, "ParamValidationError") else BusyError(problem)


def _answered(response: dict[str, Any], where: str) -> ZenMLError:
    said = response["Error"]
    code, text = str(said.get("Code", "")), str(said.get("Message") or "").strip().rstrip(".")
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code in _EXPIRED:
        return RefusedError(code, Problem("the AWS credentials have expired", where, _SIGN_IN))
    if code in _WRONG:
        return RefusedError(code, Problem(f"the AWS credentials are not accepted: {text or code}", where, _CHECK_KEYS))
    if code in _DENIED:
        return RefusedError(code, _denied(text, where))
    if code in _BUSY or (status >= 500 and not code.startswith("Insufficient")) or status == 429:
        what = f"the service cannot do that now: {text or code or status}"
        return BusyError(Problem(what, where, "Run again later"))
    return RefusedError(code, Problem(f"the service refused: {text or status} ({code})", where))


def _denied(text: str, where: str) -> Problem:
    found = _ACTION.search(text)
    if found:
        on = f" on {found['resource']}" if found["resource"] else ""
        return Problem(f"you may not {found['action']}{on}", where, "Ask for a policy that allows it")
    return Problem(f"you may not do that: {text}", where, "Ask for a policy that allows it")
