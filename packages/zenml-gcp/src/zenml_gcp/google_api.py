"""GoogleAPI: calls of Google's APIs by the application default credentials, each tried again where that helps."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from zenml.artifacts.retrying import retried
from zenml_gcp.google_trouble import explained, passes

SECONDS = 60.0
"""How long to wait for an answer."""

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TRIES = 6
_LONGEST_WAIT = 60.0
_RESULT = TypeVar("_RESULT")

Body = dict[str, Any]


def connect(endpoint_url: str | None) -> GoogleAPI:
    """Return how to reach Google's services; one that was used before, as long as the credentials' file is the same.

    Args:
        endpoint_url: address of another service than Google's; None for Google's own.
    """
    file = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    return _connected(endpoint_url, file, Path(file).stat().st_mtime_ns if file and Path(file).is_file() else 0)


class GoogleAPI:
    """How to reach Google's services.

    Args:
        endpoint_url: address of another service than Google's; None for Google's own.
        sleep: waits so many seconds before a call is tried again.
    """

    def __init__(self, endpoint_url: str | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.endpoint_url, self._sleep = endpoint_url, sleep
        self._clients: dict[Callable[..., Any], Any] = {}

    def pause(self, seconds: float) -> None:
        """Wait."""
        self._sleep(seconds)

    @functools.cached_property
    def credentials(self) -> Any:
        """The application default credentials.

        Raises:
            ConfigError: there are none.
        """
        import google.auth

        logging.getLogger("google.auth").addHandler(logging.NullHandler())  # it warns where no project is configured
        return self._told("Google's sign-in", lambda: google.auth.default(scopes=[_SCOPE])[0])

    def client(self, kind: Callable[..., _RESULT]) -> _RESULT:
        """Return the client of one service, which speaks REST.

        Args:
            kind: the client's class.
        """
        if kind not in self._clients:
            options = {"api_endpoint": self.endpoint_url} if self.endpoint_url else None
            self._clients[kind] = kind(credentials=self.credentials, transport="rest", client_options=options)
        made: _RESULT = self._clients[kind]
        return made

    def call(self, where: str, send: Callable[[], _RESULT], tries: int = _TRIES) -> _RESULT:
        """Send until it succeeds, or fails for good; wait for as long as the service asks to.

        Args:
            where: what is called, for messages.
            send: the call; it may be made several times, with the same effect as once.
            tries: how often to call at most.

        Raises:
            RefusedError: the service refused.
            UnreachableError: it does not answer.
            ConfigError: the credentials are missing or not valid.
        """
        asked = 0.0

        def is_transient(error: BaseException) -> bool:
            nonlocal asked
            asked = getattr(error, "retry_after", 0.0)
            return passes(error)

        def once() -> _RESULT:
            return self._told(where, send)

        return retried(once, is_transient, tries, lambda pause: self._sleep(max(pause, min(asked, _LONGEST_WAIT))))

    def request(
        self, verb: str, host: str, path: str, body: Mapping[str, Any] | None = None, tries: int = _TRIES
    ) -> Body:
        """Make a call for which there is no client, and return the answer.

        Args:
            verb: of HTTP.
            host: of the service, such as `logging.googleapis.com`.
            path: with a slash first.
            body: what to send.
            tries: how often to call at most.
        """
        from google.api_core.exceptions import from_http_response

        url = f"{self.endpoint_url or f'https://{host}'}{path}"

        def send() -> Body:
            response = self._session.request(verb, url, json=body, timeout=SECONDS)
            if response.status_code >= 400:
                raise from_http_response(response)  # type: ignore[no-untyped-call]  # the library types little
            answer: Body = response.json()
            return answer

        return self.call(host, send, tries)

    @functools.cached_property
    def _session(self) -> Any:
        from google.auth.transport.requests import AuthorizedSession

        return AuthorizedSession(self.credentials)  # type: ignore[no-untyped-call]  # the library types little

    @staticmethod
    def _told(where: str, send: Callable[[], _RESULT]) -> _RESULT:
        try:
            return send()
        except Exception as error:
            known = explained(error, where)
            if known is None:
                raise
            raise known from error


@functools.lru_cache(maxsize=8)
def _connected(endpoint_url: str | None, _file: str, _changed: int) -> GoogleAPI:
    return GoogleAPI(endpoint_url)
