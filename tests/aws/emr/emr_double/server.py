"""EmrDouble: EMR and EMR Serverless on the loopback."""

from __future__ import annotations

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import pytest
from aws_double import models

from emr_double.applications import Host
from emr_double.clusters import Clusters
from emr_double.faults import ANSWERS, Fault
from emr_double.refusal import Refusal
from emr_double.serverless import Serverless
from zenml.testing.late_answers import HEADER

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/zenml-emr"
USER = f"arn:aws:iam::{ACCOUNT}:user/tester"

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/")


class EmrDouble:
    """Serves both APIs until the context ends; the jobs that are still at work end then, too.

    Args:
        host: runs the applications.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.keys = {"test"}
        self._lock = threading.RLock()
        self.serverless = Serverless(host, ACCOUNT, REGION)
        self.clusters = Clusters(host)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._http.block_on_close = False

    @property
    def address(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def lead_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this machine's calls of EMR come here."""
        for name in ("EMR", "EMR_SERVERLESS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", self.address)

    def count(self, operation: str) -> int:
        """Return how often a call was made."""
        return sum(name == operation for name, _ in self.calls)

    def __enter__(self) -> EmrDouble:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self.host.end_works()

    def answer(self, call: models.Call, headers: dict[str, str]) -> dict[str, Any]:
        """Check a call as the service does, fulfil it, and return the answer."""
        self._sign_in(call, headers)
        found = models.problems(call.service, call.operation, call.params)
        if found:
            raise Refusal("ValidationException", "; ".join(found))
        service = self.serverless if call.service == "emr-serverless" else self.clusters
        with self._lock:
            given: dict[str, Any] = service.answer(call.operation, call.params)
        shape = models.service_model(call.service).operation_model(call.operation).output_shape
        wrong = models.shape_problems(call.service, shape.name, given) if shape else []
        assert not wrong, f"the double answers what {call.service} never would: {wrong}"
        return given

    def _sign_in(self, call: models.Call, headers: dict[str, str]) -> None:
        found = _CREDENTIAL.match(headers.get("authorization", ""))
        if not found or found["key"] not in self.keys:
            raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid", 403)
        expected = models.service_model(call.service).signing_name
        assert (found["region"], found["service"]) == (REGION, expected)


def _call(method: str, target: str, headers: dict[str, str], body: bytes) -> models.Call:
    url = urlsplit(target)
    service = "emr" if "x-amz-target" in headers else "emr-serverless"
    spelled = {"X-Amz-Target": headers.get("x-amz-target", "")}
    call = models.read(service, method, url.path, url.query, spelled, body)
    return models.Call(service, call.operation, call.params)


def _handler(double: EmrDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the acknowledgement of its head

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (ConnectionError, TimeoutError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                call = _call(self.command, self.path, headers, body)
            except models.Unreadable as error:
                self._refuse(Refusal("ValidationException", str(error)))
                return
            double.calls.append((call.operation, call.params))
            struck = [fault for fault in double.faults if fault.strikes(call.operation)]  # all of them count
            fault = struck[0] if struck else None
            if fault and fault.how not in ("cut-after", "late"):
                self._fail(fault, call)
                return
            try:
                given = double.answer(call, headers)
            except Refusal as refusal:
                self._refuse(refusal)
                return
            if fault and fault.how == "late":
                self._send(200, {}, late=True)
            elif fault:
                self._cut()
            else:
                self._send(200, given)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names that http.server asks for

        def _fail(self, fault: Fault, call: models.Call) -> None:
            if fault.how == "cut-before":
                self._cut()
                return
            status, code, text = ANSWERS[fault.how]
            name = models.service_model(call.service).signing_name
            action = f"User: {USER} is not authorized to perform: {name}:{call.operation} on resource: *"
            self._refuse(Refusal(code, text or action, status))

        def _refuse(self, refusal: Refusal) -> None:
            self._send(refusal.status, {"__type": refusal.code, "message": refusal.message}, refusal.code)

        def _cut(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def _send(self, status: int, answer: dict[str, Any], error: str = "", *, late: bool = False) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if error:
                self.send_header("x-amzn-ErrorType", error)
            if late:
                self.send_header(HEADER, "yes")
            self.end_headers()
            self.wfile.write(body)

    return Handler
