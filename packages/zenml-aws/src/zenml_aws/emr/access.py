"""What must be so before a job is submitted: credentials, the staging location, the environment, where it runs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zenml.errors import Problem, StoreError, ZenMLError
from zenml_aws.api_trouble import RefusedError
from zenml_aws.emr.place import Place
from zenml_aws.session import connect, regions_of
from zenml_aws.staging_bucket import staging_problems

if TYPE_CHECKING:
    from zenml_aws.emr.backend import ProcessingEMRBackend

_NAME = "ProcessingEMRBackend"


def find_problems(backend: ProcessingEMRBackend, place: Place) -> list[Problem]:
    """Return all that would keep a job from being submitted, or from starting; nothing is left behind."""
    try:
        unknown = list(_region(backend))
    except RefusedError as error:
        return list(error.problems)
    if unknown:
        return unknown  # nothing can be asked there
    found: list[Problem] = []
    checks: tuple[Callable[[], Iterator[Problem]], ...] = (
        place.problems,
        lambda: _staging(backend),
        lambda: _environment(backend),
    )
    for check in checks:
        try:
            found += check()
        except RefusedError as error:
            if error.signed_out:
                return list(error.problems)
            found += error.problems
        except ZenMLError as error:
            found += error.problems
    return list(dict.fromkeys(found))


def _region(backend: ProcessingEMRBackend) -> Iterator[Problem]:
    service = connect("emr" if backend.cluster_id else "emr-serverless", backend.region, backend.profile)
    known = regions_of(service.name)
    if service.region not in known:
        near = ", ".join(difflib.get_close_matches(service.region, known))
        what = f"EMR{'' if backend.cluster_id else ' Serverless'} is in no region {service.region}"
        yield Problem(what, f"{_NAME}.region", f"Near it: {near}" if near else "")


def _staging(backend: ProcessingEMRBackend) -> Iterator[Problem]:
    s3 = connect("s3", backend.region, backend.profile)
    why = "EMR in {region} keeps its logs in its own region only"
    return staging_problems(backend.staging, s3, f"{_NAME}.staging_location", why)


def _environment(backend: ProcessingEMRBackend) -> Iterator[Problem]:
    if not backend.environment:
        return
    folder, _, name = backend.environment.rpartition("/")
    try:
        there = backend.store_at(folder).has(name)
    except StoreError as error:
        yield Problem(error.problems[0].what, f"{_NAME}.environment", error.problems[0].mend)
        return
    if not there:
        yield Problem(
            f"there is no {backend.environment}", f"{_NAME}.environment", "Put the environment's archive there"
        )
