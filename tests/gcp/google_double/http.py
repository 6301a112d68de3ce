"""The wire: HTTP/1.1 on the loopback, with connections that break on purpose."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from google_double.faults import Fault
from google_double.refusal import Refusal
from zenml.testing.late_answers import HEADER

if TYPE_CHECKING:
    from google_double.double import GoogleDouble


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def serve(double: GoogleDouble) -> ThreadingHTTPServer:
    """Return a server of the double on a free port; it serves once `serve_forever` is called."""

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
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if url.path == "/token":
                self._sign_in(body)
                return
            method, account = url.path, ""
            try:
                method = double.find(self.command, url.path)[1].id
                account = double.account_of(self.headers.get("Authorization", ""))
            except Refusal as refusal:
                self._send(method, account, refusal.code, refusal.body(), refusal.headers)
                return
            fault = double.struck(method, account)
            if fault and self._break(fault, method, account):
                return
            query = parse_qs(url.query, keep_blank_values=True)
            try:
                answer = double.answer(self.command, url.path, query, self.headers["Authorization"], body)
            except Refusal as refusal:
                self._send(method, account, refusal.code, refusal.body(), refusal.headers)
                return
            if fault and fault.how == "late":
                self._send(method, account, 200, {}, {HEADER: "yes"})
            elif fault:
                self._cut(method, account)
            else:
                self._send(method, account, 200, answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names that http.server asks for

        def _sign_in(self, body: bytes) -> None:
            try:
                answer = double.sign_in(body)
            except Refusal as refusal:
                told = {"error": "invalid_grant", "error_description": refusal.message}
                self._send("token", "", refusal.code, told)
            else:
                self._send("token", "", 200, answer)

        def _break(self, fault: Fault, method: str, account: str) -> bool:
            """Fail a call before it does its work; one that fails afterwards is not failed here."""
            if fault.how in ("cut-after", "late"):
                return False
            if fault.how == "cut-before":
                self._cut(method, account)
            elif fault.how == "time-out":
                double.closing.wait()
                self._cut(method, account)
            else:
                told = {"Retry-After": str(fault.retry_after)} if fault.how == "429" else {}
                refusal = Refusal(int(fault.how), "The service cannot do that now.", headers=told)
                self._send(method, account, refusal.code, refusal.body(), refusal.headers)
            return True

        def _cut(self, method: str, account: str) -> None:
            double.made(method, 0, account)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def _send(
            self, method: str, account: str, code: int, body: dict[str, Any], headers: dict[str, str] | None = None
        ) -> None:
            double.made(method, code, account)
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(data)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    return _Server(("127.0.0.1", 0), Handler)
