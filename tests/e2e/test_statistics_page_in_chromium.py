"""The page of 200 columns, and of two versions side by side, in a browser: it is drawn, and asks no network."""

from __future__ import annotations

import http.server
import os
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from zenml.datasources import DataFrameDatasource

COLUMNS = 200
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


def table(seed: int, shift: float) -> pa.Table:
    """Return a table of columns of every type, some with missing cells."""
    chance = np.random.default_rng(seed)
    rows = 500
    made: list[Callable[[], pa.Array]] = [
        lambda: pa.array(chance.normal(shift, 1, rows), mask=chance.random(rows) < 0.1),
        lambda: pa.array(chance.integers(0, 10**6, rows)),
        lambda: pa.array(chance.choice(["red", "green", "<script src='http://x.test/y'></script>"], rows)),
        lambda: pa.array(chance.random(rows) < 0.3),
        lambda: pa.array([f"http://x.test/{number}" for number in chance.integers(0, 10**9, rows)]),
        lambda: pa.array(np.datetime64("2024-01-01", "us") + chance.integers(0, 10**7, rows).astype("timedelta64[s]")),
        lambda: pa.nulls(rows, pa.int64()),
    ]
    return pa.table({f"column_{number:03d}": made[number % len(made)]() for number in range(COLUMNS)})


def test_a_page_of_200_columns_and_two_versions_asks_no_network(project: Path, browse: Browse) -> None:
    old = DataFrameDatasource(name="Wide", data=table(1, 0), tfrecord=False).commit()
    new = DataFrameDatasource(name="Wide", data=table(2, 1), tfrecord=False).commit()
    path = new.view_statistics(compare=old).path
    assert path is not None
    assert path.read_text().count('<section class="card"') == COLUMNS
    for width in (1280, 420):
        picture = project / f"{width}.png"
        assert browse(path, width, picture) == []
        assert struct.unpack(">II", picture.read_bytes()[16:24]) == (width, 1600)
        assert picture.stat().st_size > 30_000, "an empty page has one colour"

    careless = project / "careless.html"
    careless.write_text("<body><img src='http://x.test/picture.png'></body>")
    assert browse(careless, 420, project / "careless.png") == ["http://x.test/picture.png"], "else nothing is proven"
