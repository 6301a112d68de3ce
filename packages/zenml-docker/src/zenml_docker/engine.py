"""Engine: a Docker engine, asked through its client; what goes wrong is told in words."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from zenml.errors import ConfigError
from zenml_docker.log_stream import frames
from zenml_docker.trouble import causes, problem_of, said_problem

if TYPE_CHECKING:
    from docker import APIClient

Body = dict[str, Any]
T = TypeVar("T")

_ATTEMPTS = 3
_PAUSE = 0.2
_SECONDS = 60
_TOO_MANY, _SERVER_ERROR = 429, 500


class Engine:
    """A Docker engine. What it is asked for is safe to ask twice, so a connection that breaks is tried again.

    Args:
        address: `unix:///…`, `tcp://…` or `ssh://…`; by default what the `docker` command uses.

    Raises:
        ConfigError: it cannot be reached, or used; the message says why.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address_of(address)
        self._address = address
        self.client: APIClient = self._tried(self._connect)

    def _connect(self) -> APIClient:
        import docker

        _knock(self.address)
        if self._address:
            return docker.DockerClient(base_url=self._address, version="auto", timeout=_SECONDS).api
        return docker.from_env(version="auto", timeout=_SECONDS).api

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()

    def info(self) -> Body:
        """Return what the engine tells of itself."""
        return self._tried(lambda: self.client.info())

    def has_image(self, image: str) -> bool:
        """Tell whether the engine has an image."""
        return self._found(lambda: self.client.inspect_image(image), image) is not None

    def pull(self, image: str) -> None:
        """Get an image from its registry.

        Raises:
            ConfigError: it cannot be got.
        """
        name, tag = _tagged(image)

        def pull() -> None:
            for line in self.client.pull(name, tag=tag, stream=True, decode=True):
                if "error" in line:
                    raise ConfigError([said_problem(str(line["error"]), self.address, image)])

        self._tried(pull, image)

    def inspect(self, name: str) -> Body | None:
        """Return what the engine tells of a container, or None where it has none of that name."""
        return self._found(lambda: self.client.inspect_container(name))

    def create(self, name: str, body: Body) -> bool:
        """Make a container; return False where there is one of that name already."""
        from docker.errors import APIError

        def create() -> bool:
            try:
                self.client.create_container_from_config(body, name=name)
            except APIError as error:
                if error.status_code == 409:
                    return False
                raise
            return True

        return self._tried(create, body["Image"])

    def start(self, name: str, image: str) -> None:
        """Start a container; one that runs goes on."""
        self._tried(lambda: self.client.start(name), image)

    def stop(self, name: str, seconds: int) -> None:
        """Let a container end, and kill it when it has not after so many seconds."""
        self._found(lambda: self.client.stop(name, timeout=seconds) or {})

    def remove(self, name: str) -> None:
        """Remove a container and its scratch volume, running or not; no error where there is none."""
        from docker.errors import APIError

        def remove() -> Body:
            try:
                self.client.remove_container(name, v=True, force=True)
            except APIError as error:
                if error.status_code != 409:
                    raise
            return {}

        self._found(remove)

    def containers(self, label: str) -> list[Body]:
        """Return the containers that carry a label, ended ones too."""
        return self._tried(lambda: self.client.containers(all=True, filters={"label": [label]}))

    def volumes(self, label: str) -> list[Body]:
        """Return the volumes that carry a label."""
        return self._tried(lambda: self.client.volumes(filters={"label": [label]})["Volumes"] or [])

    def remove_volume(self, name: str) -> None:
        """Remove a volume; no error where there is none."""
        self._found(lambda: self.client.remove_volume(name, force=True) or {})

    def logs(self, name: str, *, follow: bool) -> Iterator[bytes]:
        """Give what a container printed, as it comes; a connection that breaks is made anew."""
        given, attempt = 0, 0
        while True:
            seen = 0
            try:
                for chunk in frames(self.client, name, follow=follow):
                    seen += len(chunk)
                    if seen > given:
                        yield chunk[max(len(chunk) - (seen - given), 0) :]
                        given = seen
            except Exception as error:  # noqa: BLE001 - the client raises errors of four libraries
                self._raise_unless_passing(error, attempt, "")
                attempt += 1
                continue
            if not follow or self._found(lambda: self.client.wait(name)) is None:
                return
            follow = False  # once more: an engine may end a stream before the last line is in it

    def last_lines(self, name: str, count: int) -> str:
        """Return the last lines that a container printed."""
        printed = self._found(lambda: self.client.logs(name, stdout=True, stderr=True, tail=count)) or b""
        return printed.decode(errors="replace").strip()

    def _found(self, ask: Callable[[], T], image: str = "") -> T | None:
        """Return an answer, or None where the engine has no such thing."""
        from docker.errors import NotFound

        def found() -> T | None:
            try:
                return ask()
            except NotFound:
                return None

        return self._tried(found, image)

    def _tried(self, ask: Callable[[], T], image: str = "") -> T:
        attempt = 0
        while True:
            try:
                return ask()
            except ConfigError:
                raise
            except Exception as error:  # noqa: BLE001 - the client raises errors of four libraries
                self._raise_unless_passing(error, attempt, image)
            attempt += 1

    def _raise_unless_passing(self, error: Exception, attempt: int, image: str) -> None:
        """Wait for what passes by itself; raise what does not, explained."""
        if attempt + 1 >= _ATTEMPTS or not _may_pass(error):
            raise ConfigError([problem_of(error, self.address, image)]) from error
        time.sleep(_PAUSE * 2**attempt)


def address_of(address: str | None) -> str:
    """Return the address of an engine; where none is named, that of the engine that the `docker` command uses."""
    if address:
        return address
    named = os.environ.get("DOCKER_HOST")
    if named:
        return named
    from docker.context import ContextAPI

    context = ContextAPI.get_current_context()
    host = context.Host if context else None
    return str(host or "unix:///var/run/docker.sock").replace("http+unix://", "unix://")


def is_on_this_machine(address: str) -> bool:
    """Tell whether the containers of an engine can be given folders of this machine."""
    parts = urlsplit(address)
    return parts.scheme in ("unix", "npipe") or parts.hostname in ("localhost", "127.0.0.1", "::1")


def _knock(address: str) -> None:
    """Raise the system's own error where nobody listens on a socket: the client wraps it, and leaves a socket open."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_SECONDS)
            probe.connect(address.removeprefix("unix://"))


def _may_pass(error: Exception) -> bool:
    """Tell whether the same may work a moment later."""
    from docker.errors import APIError
    from requests.exceptions import ChunkedEncodingError, ReadTimeout
    from requests.exceptions import ConnectionError as BrokenConnection
    from urllib3.exceptions import HTTPError as BrokenStream

    broken = (BrokenConnection, BrokenStream, ChunkedEncodingError, ReadTimeout)
    for cause in causes(error):
        status = cause.status_code if isinstance(cause, APIError) else None
        if status is not None:
            return bool(status >= _SERVER_ERROR or status == _TOO_MANY)
        if isinstance(cause, broken):
            return True
    return False


def _tagged(image: str) -> tuple[str, str | None]:
    """Return a name and its tag or digest; `latest` where it names neither."""
    name, _, digest = image.partition("@")
    if digest:
        return name, digest
    head, separator, tag = name.rpartition(":")
    return (head, tag) if separator and "/" not in tag else (name, "latest")
