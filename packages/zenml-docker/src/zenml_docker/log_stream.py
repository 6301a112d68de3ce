"""What a container printed, as the engine streams it: frames of standard output and of standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import APIClient

_HEADER = 8


def frames(client: APIClient, name: str, *, follow: bool) -> Iterator[bytes]:
    """Yield what a container printed, to its end where `follow` says so; the connection goes with the generator.

    The client's own stream leaves the connection open when whoever reads it stops early.
    """
    from docker.errors import create_api_error_from_http_exception
    from requests.exceptions import HTTPError

    asked = {"stdout": 1, "stderr": 1, "follow": int(follow)}
    url = f"{client.base_url}/v{client.api_version}/containers/{name}/logs"
    with closing(client.get(url, params=asked, stream=True, timeout=None)) as response:
        try:
            response.raise_for_status()
        except HTTPError as error:
            create_api_error_from_http_exception(error)
        while len(header := _read(response.raw, _HEADER)) == _HEADER:
            yield _read(response.raw, int.from_bytes(header[4:], "big"))


def _read(stream: Any, count: int) -> bytes:
    found = b""
    while len(found) < count and (more := stream.read(count - len(found))):
        found += more
    return found
