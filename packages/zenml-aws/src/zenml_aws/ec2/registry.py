"""An image's registry, where it is Amazon's."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
