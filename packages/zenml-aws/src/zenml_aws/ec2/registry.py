"""An image's registry, where it is Amazon's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from zenml.errors import Problem
from zenml_aws.api_trouble import RefusedError
from zenml_aws.session import Service

_ECR = re.compile(
    r"(?P<host>(?P<account>[0-9]{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class EcrImage:
    """An image in Amazon's registry.

    Args:
        host: of the registry.
        account: that it belongs to.
        region: that it is in.
        repository: in the registry.
        tag: of the image; `latest` where none is named, empty where it is named by digest.
        digest: of the image, or empty.
    """

    host: str
    account: str
    region: str
    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, image: str) -> EcrImage | None:
        """Return what the name of an image tells; None where it is elsewhere."""
        found = _ECR.fullmatch(image)
        if found is None:
            return None
        digest = found["digest"] or ""
        tag = "" if digest else found["tag"] or "latest"
        return cls(found["host"], found["account"], found["region"], found["repository"], tag, digest)


def image_problems(image: EcrImage, ecr: Service, where: str) -> Iterator[Problem]:
    """Yield that an image is not there.

    Args:
        image: which one.
        ecr: the registry's service, in the registry's region.
        where: the field that names the image.

    Raises:
        RefusedError: one may not look.
    """
    identity = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
    try:
        ecr.call("DescribeImages", registryId=image.account, repositoryName=image.repository, imageIds=[identity])
    except RefusedError as error:
        if error.code == "RepositoryNotFoundException":
            what = f"the registry {image.host} has no repository {image.repository}"
        elif error.code == "ImageNotFoundException":
            what = f"the repository {image.repository} has no image {image.digest or image.tag}"
        else:
            raise
        yield Problem(what, where, "Push it, or name another one")
