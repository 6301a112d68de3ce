"""GoogleDouble: services on one port of the loopback, with accounts, tokens and faults."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from urllib.parse import parse_qs

from google_double.discovery import Method
from google_double.faults import Fault
from google_double.http import serve
from google_double.refusal import Refusal
from google_double.service import Body, Call, Service

CLIENT = "somebody@example.com"
"""The account of `write_credentials`."""

_SERVICE = TypeVar("_SERVICE", bound=Service)
_PATIENCE = 300.0


@dataclass(frozen=True)
class Made:
    """A call that was made.

    Args:
        method: its id, or the path where it is none.
        code: of the answer; 0 where there was none.
        account: who called.
    """

    method: str
    code: int
    account: str


class GoogleDouble:
    """A server of Google's APIs; a context manager.

    Args:
        services: the APIs that are served.
    """

    def __init__(self, *services: Service) -> None:
        self.services = services
        self.faults: list[Fault] = []
        self.calls: list[Made] = []
        self.sent: list[bytes] = []
        """Path, query and body of every call that was answered."""
        self.defects: list[str] = []
        """What the double answered wrongly; a test that leaves any has found a mistake of the double's."""
        self.denied: dict[str, set[str]] = {}
        """Permissions that accounts lack."""
        self.closing = threading.Event()
        self.expired = False
        """Whether the credentials of `write_credentials` are not valid any more."""
        self._tokens: dict[str, str] = {}
        self._counting = threading.Lock()
        self._server = serve(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> GoogleDouble:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        for service in self.services:
            service.close()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def service(self, kind: type[_SERVICE]) -> _SERVICE:
        """Return one of its services."""
        return next(each for each in self.services if isinstance(each, kind))

    def token_of(self, account: str) -> str:
        """Return a token of an account."""
        token = f"ya29.{base64.urlsafe_b64encode(account.encode()).decode()}"
        self._tokens[token] = account
        return token

    def write_credentials(self, path: Path, account: str = CLIENT) -> Path:
        """Write what somebody has who signed in here, as `GOOGLE_APPLICATION_CREDENTIALS` names it."""
        told = {
            "type": "external_account_authorized_user",
            "audience": "//iam.of-the-double/people",
            "client_id": "double",
            "client_secret": "double",
            "refresh_token": account,
            "token_url": f"{self.url}/token",
            "token_info_url": f"{self.url}/introspect",
        }
        path.write_text(json.dumps(told))
        return path

    def sign_in(self, form: bytes) -> Body:
        """Return a token for whoever signed in, or for a service account that signs with its key."""
        given = {name: values[0] for name, values in parse_qs(form.decode()).items()}
        account = given.get("refresh_token", "")
        if "assertion" in given:
            told = given["assertion"].split(".")[1]
            account = json.loads(base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)))["iss"]
        if self.expired or not account:
            raise Refusal(400, "Token has been expired or revoked.")
        return {"access_token": self.token_of(account), "expires_in": 3600, "token_type": "Bearer"}

    def account_of(self, authorization: str) -> str:
        """Return who sends an `Authorization` header."""
        account = self._tokens.get(authorization.removeprefix("Bearer "))
        if account is None:
            raise Refusal(401, "Request had invalid authentication credentials. Expected OAuth 2 access token.")
        return account

    def find(self, verb: str, path: str) -> tuple[Service, Method]:
        """Return the service and the method that a call is for."""
        for service in self.services:
            method = service.document.find(verb, path)
            if method:
                return service, method
        if any(service.document.knows(path) for service in self.services):
            raise Refusal(405, f"{verb} is not allowed here: {path}")
        raise Refusal(404, f"The requested URL {path} was not found on this server.")

    def answer(self, verb: str, path: str, query: dict[str, list[str]], authorization: str, body: bytes) -> Body:
        """Return the answer to a call."""
        service, method = self.find(verb, path)
        account = self.account_of(authorization)
        self.sent.append(f"{path}?{query}\n".encode() + body)
        try:
            sent = json.loads(body) if body else {}
        except ValueError:
            raise Refusal(400, "Invalid JSON payload received. Unexpected end of string.") from None
        parameters = method.parameters(path)
        service.check(method, parameters, query, sent)
        self.demand(account, service.PERMISSIONS.get(method.id, ""), parameters)
        found = service.answer(Call(method.id, parameters, query, sent, account))
        self.defects += [f"{method.id}: {each}" for each in service.defects(method, found)]
        return found

    def demand(self, account: str, permission: str, parameters: object) -> None:
        """Refuse where an account lacks a permission."""
        if permission and permission in self.denied.get(account, ()):
            raise Refusal(403, f"Required '{permission}' permission for '{_told(parameters)}'")

    def struck(self, method: str, account: str) -> Fault | None:
        """Return the fault that a call meets; every fault counts the call."""
        with self._counting:
            return next(iter([each for each in self.faults if each.strikes(method, account)]), None)

    def made(self, method: str, code: int, account: str) -> None:
        """Remember a call."""
        self.calls.append(Made(method, code, account))

    def methods(self) -> list[str]:
        """Return the ids of the methods that were called."""
        return [call.method for call in self.calls]

    def wait_for(self, condition: Callable[[], object]) -> object:
        """Wait until a condition holds, and return what it gives."""
        until = time.monotonic() + _PATIENCE
        while not (found := condition()):
            if time.monotonic() > until:
                raise TimeoutError("what was waited for did not happen")
            time.sleep(0.02)
        return found


def _told(parameters: object) -> str:
    values: Iterable[str] = parameters.values() if isinstance(parameters, dict) else ()
    return "/".join(values)
