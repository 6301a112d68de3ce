"""Whether a bucket is where the job runs."""

from __future__ import annotations

from collections.abc import Callable

from zenml.artifacts.store import ArtifactStore
from zenml.errors import Problem
from zenml_aws.api_trouble import RefusedError
from zenml_aws.artifact_store import S3ArtifactStore
from zenml_aws.session import connect


def by_role(store: ArtifactStore) -> bool:
    """Tell whether a store is a bucket that takes whoever's credentials are at hand, as those of a machine's role."""
    found = _bucket(store)
    return found is not None and not found.access_key and not found.anonymous


def _bucket(store: ArtifactStore) -> S3ArtifactStore | None:
    """Return the store as one of S3, also where it was given by its path alone; None where it is another kind."""
    if isinstance(store, S3ArtifactStore):
        return store
    return S3ArtifactStore(path=store.path) if type(store) is ArtifactStore and store.path.startswith("s3://") else None


def bucket_problems(store: ArtifactStore, region: str, warn: Callable[[str], None]) -> list[Problem]:
    """Return why a bucket of Amazon's cannot be used; say where it is in another region, which costs time and money.

    Args:
        store: any store; only buckets of Amazon's are looked at.
        region: where the job runs.
        warn: takes a message.
    """
    there = _bucket(store)
    if there is None or not by_role(store) or there.endpoint_url:
        return []
    bucket = there.path.partition("://")[2].partition("/")[0]
    try:
        found = connect("s3", there.region or region, there.profile).call("HeadBucket", Bucket=bucket)
    except RefusedError as error:
        if error.code in ("404", "NoSuchBucket"):
            return [Problem(f"there is no bucket {bucket}", "run.artifact_store", "Make it, or name another one")]
        if error.code in ("403", "AccessDenied"):
            what = f"you may not use the bucket {bucket}: it is another account's, or its policy does not allow it"
            return [Problem(what, "run.artifact_store", "Ask for s3:ListBucket, or name another one")]
        return list(error.problems)
    place = str(found.get("BucketRegion") or region)
    if place != region:
        warn(f"The bucket {bucket} is in {place}, and the run in {region}: what is read and written crosses regions")
    return []
