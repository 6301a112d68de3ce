"""Service: calls of one of AWS' services, each tried again where that helps and told in words where it does not."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zenml_aws.api_trouble import RefusedError, explained

ATTEMPTS = 5
"""How often a call is made that is throttled, or fails for a moment."""
_CONNECT_SECONDS, _READ_SECONDS = 5, 60


class Service:
    """One service of AWS, in one region.

    Credentials, the region and the address are those that the AWS tools use: `AWS_…` variables, `AWS_ENDPOINT_URL` and
    `AWS_ENDPOINT_URL_<SERVICE>` included, the files in `~/.aws`, the role of the machine.

    Args:
        client: of botocore.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def name(self) -> str:
        """The service, as botocore calls it."""
        return str(self._client.meta.service_model.service_name)

    @property
    def region(self) -> str:
        """The region."""
        return str(self._client.meta.region_name)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Make a call and return its answer.

        Args:
            operation: in the service's spelling, as `RunInstances`.
            params: of the call.

        Raises:
            RefusedError: the service refuses, or nobody is signed in.
            BusyError: it did not answer, or cannot for the moment, although it was asked again.
        """
        with self._telling(operation):
            answer: dict[str, Any] = getattr(self._client, _snake(operation))(**params)
            return answer

    def all(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """Give what a call lists under a key, page after page.

        Raises:
            RefusedError: see `call`.
            BusyError: see `call`.
        """
        pages = iter(self._client.get_paginator(_snake(operation)).paginate(**params))
        while True:
            with self._telling(operation):
                page = next(pages, None)
            if page is None:
                return
            yield from page.get(key) or ()

    def choices(self, shape: str) -> list[str]:
        """Return the values of an enumeration of the service, as far as this version of its model knows them."""
        return list(self._client.meta.service_model.shape_for(shape).enum)

    @contextmanager
    def _telling(self, operation: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            told = explained(error, f"{self.name} {operation} in {self.region}")
            if told is None:
                raise
            if isinstance(told, RefusedError) and told.signed_out:
                _client.cache_clear()  # who signs in meanwhile is to be found
            raise told from error


def connect(
    service: str, region: str | None = None, profile: str | None = None, *, attempts: int = ATTEMPTS
) -> Service:
    """Return a service; nothing is sent yet.

    Args:
        service: as botocore calls it.
        region: by default the one that the AWS tools use.
        profile: of the shared config files.
        attempts: how often a call is made that may succeed when it is made again; 1 for what must not happen twice.

    Raises:
        RefusedError: the profile is not there, or no region is known.
    """
    from botocore.exceptions import BotoCoreError

    settings = tuple(sorted(row for row in os.environ.items() if row[0].startswith("AWS_")))
    try:
        return Service(_client(service, region, profile, attempts, settings))
    except BotoCoreError as error:
        told = explained(error, service)
        if told is None:
            raise
        raise told from error


@functools.lru_cache(maxsize=32)
def _client(
    service: str,
    region: str | None,
    profile: str | None,
    attempts: int,
    settings: tuple[tuple[str, str], ...],  # noqa: ARG001 - where they change, another client is made
) -> Any:
    """Return a client, which any thread may use; to make one takes long, as its service's model is large."""
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(retries=retries, connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS)
    return _session(profile).create_client(service, region_name=region, config=config)


def region_of(profile: str | None = None) -> str:
    """Return the region that the AWS tools use.

    Raises:
        RefusedError: the profile is not there, or no region is known.
    """
    from botocore.exceptions import BotoCoreError, NoRegionError

    try:
        region = _session(profile).get_config_variable("region")
        if region is None:
            raise NoRegionError
    except BotoCoreError as error:
        told = explained(error, "aws")
        if told is None:
            raise
        raise told from error
    return str(region)


def regions_of(service: str) -> list[str]:
    """Return the regions in which botocore knows a service, as botocore calls it."""
    from botocore.session import Session

    session = Session()
    partitions = session.get_available_partitions()
    return [name for each in partitions for name in session.get_available_regions(service, each)]


def _session(profile: str | None) -> Any:
    """Return a session, which reads no model that another one has read."""
    from botocore.session import Session

    session = Session(profile=profile)
    session.register_component("data_loader", _loader())
    return session


@functools.cache
def _loader() -> Any:
    from botocore.session import Session

    return Session().get_component("data_loader")


@functools.cache
def _snake(operation: str) -> str:
    from botocore import xform_name

    return str(xform_name(operation))
