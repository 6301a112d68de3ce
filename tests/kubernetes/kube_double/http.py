"""The wire: HTTP/1.1 on the loopback, with connections that break on purpose."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from kube_double.faults import Fault
from kube_double.refusal import Refusal
from kube_double.server import Answer, ApiServer, Call


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Tell of whatever else than a client that hangs up because of a certificate, its own or this server's."""
        if not isinstance(sys.exception(), ssl.SSLError):
            super().handle_error(request, client_address)


def serve(api: ApiServer, tls: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    """Return a server of the API on a free port; it serves once `serve_forever` is called."""
    counting = threading.Lock()

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
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, url.path, dict(parse_qsl(url.query)), headers, body)
            with counting:
                struck = [each for each in api.faults if each.strikes(call.method, call.path)]  # all of them count
            fault = struck[0] if struck else None
            if fault and self._break(fault, call):
                return
            try:
                answer = api.answer(call)
            except Refusal as refusal:
                self._refuse(refusal, call)
                return
            if fault:
                self._cut(call)
            elif answer.lines is not None:
                self._stream(answer, call)
            else:
                api.calls.append((call.method, call.path, answer.code))
                self._send(answer.code, json.dumps(answer.body).encode(), "application/json", answer.warnings)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names that http.server asks for

        def _break(self, fault: Fault, call: Call) -> bool:
            """Fail a call before it does its work; one that fails afterwards is not failed here."""
            if fault.how == "cut-after":
                return False
            if fault.how == "cut-before":
                self._cut(call)
            elif fault.how == "time-out":
                api.closing.wait()
                self._cut(call)
            else:
                told = {"Retry-After": str(fault.retry_after)} if fault.how == "429" else {}
                self._refuse(Refusal(int(fault.how), "the server cannot do that now", headers=told), call)
            return True

        def _cut(self, call: Call) -> None:
            api.calls.append((call.method, call.path, 0))
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def _refuse(self, refusal: Refusal, call: Call) -> None:
            api.calls.append((call.method, call.path, refusal.code))
            body = json.dumps(refusal.body()).encode()
            self._send(refusal.code, body, "application/json", [], refusal.headers)

        def _stream(self, answer: Answer, call: Call) -> None:
            api.calls.append((call.method, call.path, answer.code))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in answer.lines or ():
                struck = [each for each in api.faults if each.strikes("STREAM", call.path)]
                if struck:
                    self._cut(call)
                    return
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def _send(
            self, code: int, body: bytes, kind: str, warnings: list[str], headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            for text in warnings:
                self.send_header("Warning", f'299 - "{text}"')
            self.end_headers()
            self.wfile.write(body)

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server
