"""A double of a Docker engine: its HTTP API on a Unix socket, which runs what it is asked to run."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import socketserver
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from secrets import token_hex
from urllib.parse import parse_qs, unquote, urlsplit

from engine_model import Body, Container, EngineDouble, RefusedError


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: EngineDouble
    _cut = False

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        path = re.sub(r"^/v1\.\d+", "", unquote(parts.path))
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.engine.fault(f"{self.command} {path}")
        if fault and fault.status is None and not fault.after:
            self.close_connection = True
            return
        try:
            if fault and fault.status is not None:
                raise RefusedError(fault.status, fault.message)
            self._cut = fault is not None
            self._route(f"{self.command} {path}", asked, json.loads(data) if data else {})
        except RefusedError as error:
            self._answer(error.status, {"message": str(error)})

    def _route(self, request: str, asked: dict[str, str], body: Body) -> None:
        routes: dict[str, Callable[..., None]] = {
            r"GET /_ping": lambda: self._answer(200, "OK"),
            r"GET /version": lambda: self._answer(200, {"ApiVersion": "1.43", "MinAPIVersion": "1.12", "Os": "linux"}),
            r"GET /info": lambda: self._answer(200, self.engine.information),
            r"GET /images/(.+)/json": self._image,
            r"POST /images/create": lambda: self._pull(asked),
            r"POST /containers/create": lambda: self._create(asked["name"], body),
            r"GET /containers/json": lambda: self._list(json.loads(asked.get("filters", "{}"))),
            r"GET /volumes": lambda: self._volumes(json.loads(asked.get("filters", "{}"))),
            r"DELETE /volumes/(.+)": self._remove_volume,
            r"GET /containers/([^/]+)/json": lambda name: self._answer(200, self.engine.find(name).inspected()),
            r"POST /containers/([^/]+)/start": self._start,
            r"POST /containers/([^/]+)/stop": lambda name: self._stop(name, int(asked.get("t", "10"))),
            r"POST /containers/([^/]+)/kill": lambda name: self._kill(name, asked),
            r"GET /containers/([^/]+)/logs": lambda name: self._logs(name, follow=asked.get("follow") in ("1", "True")),
            r"POST /containers/([^/]+)/wait": self._wait,
            r"DELETE /containers/([^/]+)": lambda name: self._remove(name, asked),
        }
        for pattern, serve in routes.items():
            found = re.fullmatch(pattern, request)
            if found:
                serve(*found.groups())
                return
        raise RefusedError(404, "page not found")

    def _answer(self, status: int, body: object = None) -> None:
        if self._cut:
            self.close_connection = True
            return
        data = b"" if body is None else (body.encode() if isinstance(body, str) else json.dumps(body).encode())
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(data)

    def _image(self, name: str) -> None:
        if name not in self.engine.images:
            raise RefusedError(404, f"No such image: {name}")
        self._answer(200, {"Id": f"sha256:{token_hex(32)}", "Config": self.engine.images[name]})

    def _pull(self, asked: dict[str, str]) -> None:
        name = asked["fromImage"] + ("@" if asked["tag"].startswith("sha256:") else ":") + asked["tag"]
        said = self.engine.registry.get(name)
        if said is None:
            raise RefusedError(
                404,
                f"pull access denied for {asked['fromImage']}, repository does not exist or may require "
                "'docker login': denied: requested access to the resource is denied",
            )
        lines: list[Body] = [{"status": f"Pulling from {asked['fromImage']}", "id": asked["tag"]}]
        if said:
            lines.append({"errorDetail": {"message": said}, "error": said})
        else:
            self.engine.images[name] = self.engine.images["zenml/test:1"]
        if self._cut:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            data = json.dumps(line).encode() + b"\r\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _create(self, name: str, body: Body) -> None:
        with self.engine.lock:
            container = self.engine.create(name, body)
        self._answer(201, {"Id": container.id, "Warnings": []})

    def _start(self, name: str) -> None:
        with self.engine.lock:
            status = self.engine.start(self.engine.find(name))
        self._answer(status)

    def _stop(self, name: str, seconds: int) -> None:
        self._answer(self.engine.stop(self.engine.find(name), seconds))

    def _wait(self, name: str) -> None:
        container = self.engine.find(name)
        with container.changed:
            container.changed.wait_for(lambda: container.state != "running")
        self._answer(200, {"StatusCode": container.exit_code})

    def _kill(self, name: str, asked: dict[str, str]) -> None:
        number = signal.Signals[asked.get("signal", "SIGKILL")]
        self.engine.kill(self.engine.find(name), number)
        self._answer(204)

    def _remove(self, name: str, asked: dict[str, str]) -> None:
        force, volumes = (asked.get(key) in ("1", "True") for key in ("force", "v"))
        self.engine.remove(self.engine.find(name), force=force, volumes=volumes)
        self._answer(204)

    def _remove_volume(self, name: str) -> None:
        self.engine.remove_volume(name)
        self._answer(204)

    def _list(self, filters: dict[str, list[str]]) -> None:
        rows = [
            {"Id": each.id, "Names": [f"/{each.name}"], "Labels": each.config["Labels"], "State": each.state}
            for each in [*self.engine.containers.values()]
            if _has_labels(each.config["Labels"], filters)
        ]
        self._answer(200, rows)

    def _volumes(self, filters: dict[str, list[str]]) -> None:
        rows = [row for row in [*self.engine.volumes.values()] if _has_labels(row["Labels"], filters)]
        self._answer(200, {"Volumes": rows or None, "Warnings": None})

    def _logs(self, name: str, *, follow: bool) -> None:
        container = self.engine.find(name)
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.raw-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while True:
                frames, ended = _more(container, sent, follow=follow)
                for frame in frames:
                    self.wfile.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                    if self._cut:
                        self.close_connection = True
                        return
                sent += len(frames)
                if not follow or (ended and not frames):
                    self.wfile.write(b"0\r\n\r\n")
                    return
        self.close_connection = True


def _more(container: Container, sent: int, *, follow: bool) -> tuple[list[bytes], bool]:
    """Return what a container printed on, and whether it has ended; wait for either where `follow` says so."""
    with container.changed:
        if follow:
            container.changed.wait_for(lambda: len(container.frames) > sent or container.state != "running")
        return container.frames[sent:], container.state != "running"


def _has_labels(labels: dict[str, str], filters: dict[str, list[str]]) -> bool:
    wanted = (row.partition("=") for row in filters.get("label", ()))
    return all(name in labels and (not separator or labels[name] == value) for name, separator, value in wanted)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that leave."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def engine_double(path: str) -> Iterator[EngineDouble]:
    """Serve a double until the context ends."""
    folder = Path(tempfile.mkdtemp(prefix="zenml-docker-"))  # not pytest's: a socket's path has at most 107 bytes
    engine = EngineDouble(folder, path)
    handler = type("_Bound", (_Handler,), {"engine": engine})
    server = _Server(str(folder / "docker.sock"), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        engine.close()
        server.shutdown()
        server.server_close()
        thread.join()
        shutil.rmtree(folder, ignore_errors=True)
