"""Database servers for tests: real ones, each in a folder of its own, on a free port of the loopback.

A server runs as a user without rights, since neither starts as root, and ends with the process that started it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from certificates import Issued

PASSWORD = "pa$$ word/@:é"
"""The password of the user `zenml` of every server: it has what urls must escape."""

_SECONDS = 60


@dataclass
class DatabaseServer:
    """A running server.

    Args:
        scheme: of its urls.
        folder: its folder, also for its socket.
        port: its port on 127.0.0.1.
        client: the command of its client as its administrator; statements come on standard input.
        command: what started it.
        process: the server.
    """

    scheme: str
    folder: Path
    port: int
    client: tuple[str, ...]
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] = field(repr=False)

    def url(self, database: str, user: str = "zenml") -> str:
        """Return the url of a database."""
        return f"{self.scheme}://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, statements: str, database: str = "") -> str:
        """Execute statements as the administrator; return what they give, a line a row."""
        command = [*self.client, *([database] if database else [])]
        done = subprocess.run(command, input=statements, capture_output=True, text=True, timeout=_SECONDS)
        assert not done.returncode, done.stderr
        return done.stdout

    def start(self, statement: str, database: str) -> subprocess.Popen[bytes]:
        """Begin to execute a statement as the administrator."""
        flags = ["-c"] if self.scheme == "postgresql" else ["--delimiter=//", "-e"]
        return subprocess.Popen([*self.client, *flags, statement, database])

    @property
    def crash_signal(self) -> signal.Signals:
        """What ends it as a crash does; none of PostgreSQL's processes may outlive the first."""
        return signal.SIGQUIT if self.scheme == "postgresql" else signal.SIGKILL

    @contextmanager
    def started_again(self) -> Iterator[None]:
        """Start it once more after it has ended, and stop it when the context ends."""
        with _running(self.scheme, self.command, self.folder / "log-2", self.client):
            yield


def find_program(name: str, *places: str) -> str:
    """Return the path of a program on PATH, or in folders given as glob patterns; or an empty string."""
    found = shutil.which(name)
    beside = [path for place in places for path in Path("/").glob(f"{place.lstrip('/')}/{name}")]
    return found or (str(max(beside)) if beside else "")


def need(name: str, package: str, *places: str) -> str:
    """Return the path of a program; without it the test is skipped, but fails in CI, which installs it.

    Args:
        name: the program.
        package: the Debian package that has it.
        places: glob patterns of folders where it may lie beside those of PATH.
    """
    path = find_program(name, *places)
    if not path:
        reason = f"{name} is not installed: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def _as_user(name: str) -> list[str]:
    """Return the beginning of a command that runs as a user without rights, and ends with this process."""
    until = ["setpriv", "--pdeathsig=TERM"] if shutil.which("setpriv") else []
    if os.getuid():
        return until
    group = pwd.getpwnam(name).pw_gid
    return ["setpriv", f"--reuid={name}", f"--regid={group}", "--clear-groups", *until[1:]]


@contextmanager
def _folder(user: str) -> Iterator[Path]:
    # Not pytest's: others may not enter that, and the path of a socket has at most 107 bytes.
    path = Path(tempfile.mkdtemp(prefix=f"zenml-{user}-"))
    try:
        if not os.getuid():
            shutil.chown(path, user)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _given(folder: Path, user: str, tls: tuple[Path, Issued]) -> list[Path]:
    """Copy the authority's certificate, the server's and its key to where a server of that user may read them."""
    authority, own = tls
    copies = [Path(shutil.copy(path, folder)) for path in (authority, own.certificate, own.key)]
    for path in copies:
        path.chmod(0o600)
        if not os.getuid():
            shutil.chown(path, user)
    return copies


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(
    scheme: str, command: Sequence[str], log: Path, client: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, wait until it answers, and stop it when the context ends, whoever is connected."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/")
    try:
        ready = [*client, "-c", "SELECT 1", "postgres"] if scheme == "postgresql" else [*client, "-e", "SELECT 1"]
        until = time.monotonic() + _SECONDS
        while subprocess.run(ready, capture_output=True).returncode:
            text = log.read_text(errors="replace")
            ended = process.poll() is not None or time.monotonic() > until
            assert not ended, f"{command}:\n{text}"
            _wait(process, 0.05)
        yield process
    finally:
        process.send_signal(signal.SIGINT if scheme == "postgresql" else signal.SIGTERM)
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process to end, but not longer than that."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


@contextmanager
def postgresql(tls: tuple[Path, Issued] | None = None) -> Iterator[DatabaseServer]:
    """Run PostgreSQL: `zenml` logs in by password, `postgres` by the socket; a database `zenml` is there.

    Args:
        tls: the authority that clients' certificates are of, and the server's own certificate; it encrypts with them,
            and a user `guarded` may log in with a certificate only.
    """
    places = ("/usr/lib/postgresql/*/bin",)
    server, initdb, psql = (need(name, "postgresql", *places) for name in ("postgres", "initdb", "psql"))
    with _folder("postgres") as folder:
        data, user, port = folder / "data", _as_user("postgres"), _free_port()
        make = [initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([*user, *make], check=True, capture_output=True, cwd="/")
        guard = "hostssl all guarded all scram-sha-256 clientcert=verify-ca\nhost all guarded all reject\n"
        (data / "pg_hba.conf").write_text(
            f"local all all trust\n{guard if tls else ''}host all all 127.0.0.1/32 scram-sha-256\n"
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "port": str(port),
            "fsync": "off",
            "lc_messages": "C",
        }
        if tls:
            files = zip(("ssl_ca_file", "ssl_cert_file", "ssl_key_file"), _given(folder, "postgres", tls), strict=True)
            settings |= {"ssl": "on", **{name: str(path) for name, path in files}}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        client = (psql, "-h", str(folder), "-p", str(port), "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1")
        command = [*user, server, "-D", str(data), *options]
        with _running("postgresql", command, folder / "log", client) as process:
            found = DatabaseServer("postgresql", folder, port, client, tuple(command), process)
            word = PASSWORD.replace("'", "''")
            found.run(f"CREATE ROLE zenml LOGIN PASSWORD '{word}';\nCREATE DATABASE zenml OWNER zenml;", "postgres")
            yield found


@contextmanager
def mariadb(tls: tuple[Path, Issued] | None = None) -> Iterator[DatabaseServer]:
    """Run MariaDB: `zenml` logs in by password, `root` by the socket; a database `zenml` is there.

    Args:
        tls: the authority that clients' certificates are of, and the server's own certificate; it encrypts with them.
    """
    names = ("mariadbd", "mariadb-install-db", "mariadb")
    server, install, shell = (need(name, "mariadb-server", "/usr/sbin") for name in names)
    with _folder("mysql") as folder:
        data, user, port = folder / "data", _as_user("mysql"), _free_port()
        make = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        subprocess.run([*user, *make, "--skip-test-db"], check=True, capture_output=True, cwd="/")
        place = [f"--datadir={data}", f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--port={port}"]
        quick = ["--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]
        encrypt = ["--skip-ssl"]
        if tls:
            names = ("--ssl-ca", "--ssl-cert", "--ssl-key")
            encrypt = [f"{name}={path}" for name, path in zip(names, _given(folder, "mysql", tls), strict=True)]
        client = (
            shell,
            "--no-defaults",
            f"--socket={folder}/socket",
            "-uroot",
            "-N",
            "--default-character-set=utf8mb4",
        )
        command = [*user, server, "--no-defaults", *place, *quick, *encrypt]
        with _running("mysql", command, folder / "log", client) as process:
            found = DatabaseServer("mysql", folder, port, client, tuple(command), process)
            word = PASSWORD.replace("'", "''")
            found.run(
                f"CREATE DATABASE zenml CHARACTER SET utf8mb4; CREATE USER zenml@'127.0.0.1' IDENTIFIED BY '{word}';"
                "GRANT ALL ON *.* TO zenml@'127.0.0.1';"
            )
            yield found
