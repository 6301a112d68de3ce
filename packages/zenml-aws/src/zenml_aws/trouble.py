"""What errors of S3 mean to whoever uses an artifact store, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator

from zenml.artifacts.trouble import UNREACHABLE
from zenml.errors import Problem

_KEYS = "Check the credentials: options, AWS_* variables, or the profile in ~/.aws"
_BY_CODE = {
    "NoSuchBucket": ("the bucket {bucket} does not exist", "Make it, or choose another one"),
    "AccessDenied": (
        "access to the bucket {bucket} is denied",
        "Grant s3:ListBucket, GetObject, PutObject, DeleteObject",
    ),
    "AllAccessDisabled": ("access to the bucket {bucket} is disabled", ""),
    "InvalidAccessKeyId": ("the access key is not known to the service", _KEYS),
    "SignatureDoesNotMatch": ("the secret key does not fit the access key", _KEYS),
    "ExpiredToken": ("the session token has expired", "Sign in again, for example: aws sso login"),
    "InvalidToken": ("the session token is not valid", _KEYS),
    "PermanentRedirect": ("the bucket {bucket} is in another region", "Name it: region=…"),
    "AuthorizationHeaderMalformed": ("the region is not the one of the bucket {bucket}", "Name it: region=…"),
    "IllegalLocationConstraintException": ("the bucket {bucket} is in another region", "Name it: region=…"),
    "InvalidBucketName": ("{bucket!r} is no name of a bucket", "Write s3://bucket/folder"),
    "RequestTimeTooSkewed": ("the clock of this machine is wrong", "Set it"),
    "SlowDown": ("the service is overloaded", "Run again later"),
}
_BY_TYPE = {
    "NoCredentialsError": ("no AWS credentials were found", _KEYS),
    "PartialCredentialsError": ("the AWS credentials are not complete", _KEYS),
    "ProfileNotFound": ("the AWS profile is not there", "Check its name in ~/.aws/config"),
    "TokenRetrievalError": ("the AWS sign-in has expired", "Run: aws sso login"),
    "NoRegionError": ("no region is known", "Name it: region=…"),
    "EndpointConnectionError": ("the service cannot be reached", UNREACHABLE),
    "ConnectTimeoutError": ("the service did not answer within 5 seconds", UNREACHABLE),
    "ReadTimeoutError": ("the service did not answer within 60 seconds", UNREACHABLE),
    "ConnectionClosedError": ("the service broke the connection off", UNREACHABLE),
    "SSLError": ("the connection is not secure", "Check the address and the certificates"),
    "HTTPClientError": ("the service cannot be reached", UNREACHABLE),
    "ParamValidationError": ("{bucket!r} is no name of a bucket", "Write s3://bucket/folder"),
}


def problem_of(error: BaseException, root: str) -> Problem | None:
    """Return the problem that an error, or one that it stands for, tells of; None where it is not S3's."""
    bucket = root.partition("://")[2].partition("/")[0]
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            code = str(response.get("Error", {}).get("Code", ""))
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            code = "AccessDenied" if code in ("403", "Forbidden") else code
            what, mend = _BY_CODE.get(code, (f"the service answered {code or status}", ""))
            return Problem(what.format(bucket=bucket), mend=mend)
        problem = client_problem(cause, bucket)
        if problem:
            return problem
    return None


def client_problem(error: BaseException, bucket: str = "") -> Problem | None:
    """Return what an error that botocore raised by itself, without an answer, tells of; None where it is no such."""
    for kind in type(error).__mro__:
        if kind.__module__.startswith(("botocore", "aiobotocore")) and kind.__name__ in _BY_TYPE:
            what, mend = _BY_TYPE[kind.__name__]
            return Problem(what.format(bucket=bucket), mend=mend)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
