"""Each mistake with a bucket is one clear sentence, without a traceback and without a secret."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.errors import ConfigError, StoreError
from zenml_gcp.artifact_store import GCSArtifactStore
from zenml_gcp.trouble import problem_of

PLANTED = "planted-secret-1729"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr("gcsfs.retry.random.random", lambda: -32)  # so that gcsfs does not wait between its tries


@pytest.fixture
def refusing() -> Iterator[ThreadingHTTPServer]:
    """A service that answers every request with the status that its path's bucket names."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code = int(self.path.split("/b/")[1].split("/")[0])
            body = json.dumps({"error": {"code": code, "message": f"no, with {PLANTED}"}}).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def refused(store: GCSArtifactStore, expected: str) -> None:
    with pytest.raises(StoreError, match=expected) as caught:
        store.check()
    assert str(caught.value).startswith("gs://")
    assert "\n" not in str(caught.value)
    assert PLANTED not in str(caught.value)


def test_a_bucket_that_is_not_there(gcs: str) -> None:
    store = GCSArtifactStore("gs://nowhere/dir", endpoint_url=gcs, anonymous=True)
    refused(store, "the bucket nowhere does not exist. Make it")
    with pytest.raises(StoreError, match="does not exist"):
        store.open("gs://nowhere/dir/Examples/f/1")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (401, "does not accept the credentials. Run gcloud auth"),
        (403, "access to the bucket 403 is denied. Grant the role"),
        (409, "the service answered 409"),
        (503, "the service answered 503"),
    ],
)
def test_a_refusal_is_told(refusing: ThreadingHTTPServer, code: int, told: str) -> None:
    address = f"http://127.0.0.1:{refusing.server_address[1]}"
    refused(GCSArtifactStore(f"gs://{code}/dir", endpoint_url=address, anonymous=True), told)


def test_no_network() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        refused(
            GCSArtifactStore("gs://bucket", endpoint_url=address, anonymous=True), "cannot be reached. Check the net"
        )


@pytest.mark.parametrize("text", [PLANTED, "[1]"])
def test_credentials_that_are_no_key(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", text)
    refused(
        GCSArtifactStore("gs://bucket", credentials="env:TEST_KEY"), "env:TEST_KEY holds no key of a service account"
    )


def test_credentials_of_a_broken_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", json.dumps({"type": "service_account", "private_key": PLANTED}))
    refused(GCSArtifactStore("gs://bucket", credentials="env:TEST_KEY"), "gs://bucket")


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="anonymous and credentials exclude each other"):
        GCSArtifactStore("gs://bucket", anonymous=True, credentials="env:HOME")


def test_errors_of_google_s_sign_in_are_explained() -> None:
    from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError

    for error, told in (
        (DefaultCredentialsError(), "no Google credentials were found"),
        (RefreshError(), "not valid any more"),
        (TransportError(), "sign-in cannot be reached"),
        (ValueError("Bad Request: x"), "is no name of a bucket"),
    ):
        problem = problem_of(error, "gs://bucket/dir")
        assert problem is not None
        assert told in problem.what
    assert problem_of(RuntimeError("x"), "gs://bucket") is None
