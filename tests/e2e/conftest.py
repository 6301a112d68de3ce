"""Makes the shared module of these tests importable, also for processes that they start; opens pages in a browser."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--proxy-bypass-list=<-loopback>",
)

Browse = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def _shared_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[str]]]:
    """A proxy that lets nothing through: its port, and what was asked of it, which is all that a browser asks."""
    asked: list[str] = []

    class Refuse(http.server.BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            asked.append(self.path)
            self.send_error(403)

        do_GET = do_HEAD = do_POST = do_CONNECT = _refuse  # noqa: N815 - the names that the handler looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def browse(tmp_path: Path, proxy: tuple[int, list[str]]) -> Browse:
    """Open a file in a browser window of a width, take a picture of it, and return what was asked of the network."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed: apt-get install chromium")
        pytest.skip("Chromium is not installed: apt-get install chromium")
    port, asked = proxy

    def run(page: Path, width: int, picture: Path) -> list[str]:
        asked.clear()
        command = [program, *QUIET, f"--proxy-server=127.0.0.1:{port}", f"--user-data-dir={tmp_path / 'profile'}"]
        command += [f"--window-size={width},1600", f"--screenshot={picture}", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert picture.exists(), done.stderr
        return [address for address in asked if "google" not in address]  # the browser's own, if any

    return run


@pytest.fixture
def bigquery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A double of BigQuery, which has the penguins, and whose address clients find in the environment."""
    doubles = Path(__file__).parent.parent / "gcp"
    for folder in (doubles, doubles / "bigquery"):
        monkeypatch.syspath_prepend(folder)
    from bigquery_double import World
    from bigquery_double.world import real_table

    with World(tmp_path) as world:
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        world.warehouse.put("birds.zoo.penguins", real_table("penguins"))
        yield
