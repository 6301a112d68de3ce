"""MetadataServer: what a machine asks about itself, a token of its service account above all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default/"
_ABOUT = {
    "/": "computeMetadata/",
    _ACCOUNT: {
        "email": "default",
        "aliases": ["default"],
        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    },
    "/computeMetadata/v1/project/project-id": "proj-one",
    "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
}


class MetadataServer:
    """Serves one machine.

    Args:
        token: returns a token.
        machine: its id.
    """

    def __init__(self, token: Callable[[], str], machine: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                told = machine if path == "/computeMetadata/v1/instance/id" else _ABOUT.get(path)
                if self.headers.get("Metadata-Flavor") != "Google":
                    self.send_error(403)
                elif path == f"{_ACCOUNT}token":
                    self._answer({"access_token": token(), "expires_in": 3599, "token_type": "Bearer"})
                elif told is not None:
                    self._answer(told)
                else:
                    self.send_error(404)

            def _answer(self, told: object) -> None:
                body = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Type", "application/text" if isinstance(told, str) else "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
