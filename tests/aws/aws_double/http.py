"""The wire: HTTP/1.1 on the loopback, with connections that break on purpose."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from aws_double.refusal import Answer


@dataclass(frozen=True)
class Request:
    """One request.

    Args:
        method: of HTTP.
        path: of the URL.
        query: of the URL.
        headers: of HTTP.
        body: as sent.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def scope(self) -> tuple[str, str, str]:
        """The access key, the region and the service that the request is signed for."""
        credential = self.headers.get("Authorization", "").partition("Credential=")[2].split(",")[0].split("/")
        return (credential[0], credential[2], credential[3]) if len(credential) == 5 else ("", "", "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


Respond = Callable[[Request], Answer | None]
"""Answers a request; None breaks the connection."""


def serve(respond: Respond) -> ThreadingHTTPServer:
    """Return a server on a free port, which serves already."""

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
            answer = respond(Request(self.command, url.path, url.query, dict(self.headers.items()), body))
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - names that http.server asks for

    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def address(server: ThreadingHTTPServer) -> str:
    """Return the URL of a server."""
    return f"http://127.0.0.1:{server.server_address[1]}"
