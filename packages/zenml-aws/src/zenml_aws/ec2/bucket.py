"""Whether a bucket is where the job runs."""

from __future__ import annotations

from collections.abc import Callable

from zenml.artifacts.store import ArtifactStore
from zenml.errors import Problem
from zenml_aws.api_trouble import RefusedError
from zenml_aws.artifact_store import S3ArtifactStore
from zenml_aws.session import connect


def bucket_problems(store: ArtifactStore, region: str, warn: Callable[[str], None]) -> list[Problem]:
    """Return why a bucket of Amazon's cannot be used; say where it is in another region, which costs time and money.

    Args:
        store: any store; only buckets of Amazon's are looked at.
        region: where the job runs.
        warn: takes a message.
    """
    if not isinstance(store, S3ArtifactStore) or store.endpoint_url or store.access_key or store.anonymous:
        return []
    bucket = store.path.partition("://")[2].partition("/")[0]
    try:
        found = connect("s3", store.region or region, store.profile).call("HeadBucket", Bucket=bucket)
    except RefusedError as error:
        if error.code in ("404", "NoSuchBucket"):
            return [Problem(f"there is no bucket {bucket}", "run.artifact_store", "Make it, or name another one")]
        if error.code in ("403", "AccessDenied"):
            what = f"you may not use the bucket {bucket}: it is another account's, or its policy does not allow it"
            return [Problem(what, "run.artifact_store", "Ask for s3:ListBucket, or name another one")]
        return list(error.problems)
    there = str(found.get("BucketRegion") or region)
    if there != region:
        warn(f"The bucket {bucket} is in {there}, and the run in {region}: what is read and written crosses regions")
    return []
