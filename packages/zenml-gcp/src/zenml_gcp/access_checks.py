"""Checks that backends on Google Cloud share: what must be so before anything can be made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from zenml.errors import ConfigError, Problem, closest
from zenml_gcp.compute import Compute
from zenml_gcp.google_api import Body, GoogleAPI
from zenml_gcp.google_trouble import RefusedError, UnreachableError

_MANY = 12
_WIDE = ("allUsers", "allAuthenticatedUsers", "group:", "domain:", "principalSet:")


def problems_of(api: GoogleAPI, checks: Sequence[Iterable[Problem]]) -> Iterator[Problem]:
    """Give what checks find, each problem once; a check that is refused tells of that.

    Where the credentials are missing or not valid, no other check can pass, and nothing more is told.
    """
    try:
        api.credentials  # noqa: B018 - looking at them finds them
    except ConfigError as error:
        yield from error.problems
        return
    seen: set[Problem] = set()
    for check in checks:
        try:
            found = list(check)
        except RefusedError as error:
            found = list(error.problems)
            if error.code == 401:
                yield from found
                return
        except UnreachableError as error:
            found = list(error.problems)
        except ConfigError as error:  # of the credentials
            yield from error.problems
            return
        yield from (problem for problem in found if problem not in seen)
        seen.update(found)


def permission_problems(
    api: GoogleAPI, project: str, needed: Sequence[str], role: str, where: str
) -> Iterator[Problem]:
    """Find permissions on a project that somebody lacks.

    Args:
        api: how to reach Google's services.
        project: its id.
        needed: the permissions.
        role: what holds them all, as Google calls it.
        where: the field that names the project.
    """
    path = f"/v1/projects/{project}:testIamPermissions"
    try:
        answer = api.request("POST", "cloudresourcemanager.googleapis.com", path, {"permissions": list(needed)})
    except RefusedError as error:
        if is_disabled(error):
            return  # each call will say what it lacks
        if error.code in (403, 404):
            what = f"there is no project {project}, or you may not see it"
            yield Problem(what, where, "Check its id: gcloud projects list; or ask for a role in it")
            return
        raise
    lacking = [each for each in needed if each not in answer.get("permissions", ())]
    if lacking:
        what = f"you lack the permissions {', '.join(lacking)} on the project {project}"
        yield Problem(what, where, f"Ask for the role {role}")


def region_problems(region: str, known: Iterable[str], where: str) -> Iterator[Problem]:
    """Say that a region is none of those that a service knows; nothing where it tells of none."""
    regions = sorted(known)
    if regions and region not in regions:
        yield Problem(f"there is no region {region}", where, closest(region, regions) or f"Regions: {listed(regions)}")


def network_problems(
    compute: Compute, region: str, network: str | None, subnetwork: str | None, field: str = ""
) -> Iterator[Problem]:
    """Find a network or a subnetwork that is not there.

    Args:
        compute: Compute Engine in the project.
        region: of the subnetwork.
        network: its name; where neither is named, `default` is used.
        subnetwork: its name.
        field: what goes before `network` and `subnetwork` in the places of the problems.
    """
    try:
        if (network or not subnetwork) and not compute.has_network(network or "default"):
            what = f"the project {compute.project} has no network {network or 'default'}"
            yield Problem(what, f"{field}network", "Name one that it has: gcloud compute networks list")
        if subnetwork and not compute.has_subnetwork(region, subnetwork):
            what = f"the region {region} has no subnetwork {subnetwork}"
            yield Problem(what, f"{field}subnetwork", "Name one that it has: gcloud compute networks subnets list")
    except RefusedError as error:
        if error.code != 403:
            raise  # whoever may not look will be told when a machine is made


def foreign_bucket_problems(
    api: GoogleAPI, project: str, bucket: str, account: str | None, whose: str, where: str
) -> Iterator[Problem]:
    """Find a bucket of another project that does not let the machines' service account in.

    Args:
        api: how to reach Google's services.
        project: in which the machines are.
        bucket: its name.
        account: the service account; by default the project's own for Compute Engine.
        whose: account it is, as it is told: `the machine's`.
        where: the field that names the bucket.

    Raises:
        RefusedError: there is no such bucket, or one may not look.
    """
    found = api.request("GET", "storage.googleapis.com", f"/storage/v1/b/{bucket}?fields=projectNumber")
    own = api.request("GET", "cloudresourcemanager.googleapis.com", f"/v1/projects/{project}")
    if str(found.get("projectNumber")) == str(own.get("projectNumber")):
        return
    policy = api.request("GET", "storage.googleapis.com", f"/storage/v1/b/{bucket}/iam")
    account = account or f"{own.get('projectNumber')}-compute@developer.gserviceaccount.com"
    if not is_named(policy, account):
        what = f"the bucket {bucket} belongs to another project than {project}, and {whose} service account {account}"
        mend = (
            f"Run: gcloud storage buckets add-iam-policy-binding gs://{bucket} "
            f"--member=serviceAccount:{account} --role=roles/storage.objectAdmin"
        )
        yield Problem(f"{what} has no role on it", where, mend)


def is_named(policy: Body, account: str) -> bool:
    """Tell whether a policy may let a service account in: by its name, by a group or a domain, or as everybody."""
    bindings: list[dict[str, Any]] = policy.get("bindings", [])
    members = {str(member) for binding in bindings for member in binding.get("members", ())}
    return f"serviceAccount:{account}" in members or any(member.startswith(_WIDE) for member in members)


def is_disabled(error: RefusedError) -> bool:
    """Tell whether a call was refused because the project has not enabled the API."""
    return error.reason in ("SERVICE_DISABLED", "accessNotConfigured")


def listed(names: Sequence[str], most: int = _MANY) -> str:
    """Return names for a message: the first ones, and how many there are."""
    return ", ".join(names[:most]) + (f", … ({len(names)})" if len(names) > most else "")
