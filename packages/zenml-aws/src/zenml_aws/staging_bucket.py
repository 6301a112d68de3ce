"""Whether a staging location is where the service runs that works on what lies there."""

from __future__ import annotations

from collections.abc import Iterator

from zenml.artifacts.store import ArtifactStore
from zenml.errors import Problem
from zenml_aws.session import Service


def staging_problems(store: ArtifactStore, s3: Service, where: str, why: str) -> Iterator[Problem]:
    """Yield that a bucket is in another region than it must be.

    Args:
        store: the staging location.
        s3: S3 in the region of the service.
        where: the field that names the location.
        why: what needs the bucket there, as `EMR in {region} keeps its logs in its own region only`.

    Raises:
        StoreError: the location cannot be read or written.
        RefusedError: the bucket may not be looked at.
    """
    store.check()
    bucket = store.path.split("/")[2]
    there = s3.call("HeadBucket", Bucket=bucket).get("BucketRegion") or s3.region
    if there != s3.region:
        what = f"the bucket {bucket} is in {there}, and {why.format(region=s3.region)}"
        yield Problem(what, where, "Name a bucket there, or the region: region=…")
