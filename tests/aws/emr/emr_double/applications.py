"""Host: runs Spark applications, each in a fresh Python process in an empty folder, as EMR's machines do."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emr_double.jvm import Jvm

Engine = Literal["spark", "spark-submit", "lite"]
"""`spark`: drivers share one Java, and have a context each; `spark-submit`: nothing is shared; `lite`: no Java at all,
and a stand-in for PySpark with one executor."""

_SIGNED = {"Authorization": "AWS role:role"}  # the emulator asks for a signature, and takes any
_HERE = Path(__file__).parent
_KEPT = ("PATH", "JAVA_HOME", "LANG", "LD_LIBRARY_PATH")
_NOT_LOCAL = ("spark.archives", "spark.emr-serverless.", "spark.yarn.", "spark.driver.memory", "spark.driver.cores")
_LOCAL = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


@dataclass(frozen=True)
class Request:
    """An application to run.

    Args:
        main: URI of the main file.
        arguments: of the main file.
        settings: Spark's.
        environment: variables of the driver.
        logs: URI of the folder that takes the driver's log; empty for none.
    """

    main: str
    arguments: tuple[str, ...]
    settings: dict[str, str]
    environment: dict[str, str]
    logs: str = ""


@dataclass
class Work:
    """An application at work."""

    exit_code: int | None = None
    log: str = ""
    process: subprocess.Popen[bytes] | None = None
    killed: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.done.is_set()

    @property
    def last_line(self) -> str:
        """The last line of its log."""
        return (self.log.strip().splitlines() or [""])[-1]

    def kill(self) -> None:
        """End it at once."""
        self.killed = True
        if self.process and self.process.poll() is None:
            self.process.kill()


class Host:
    """Runs applications.

    Args:
        folder: in which each gets an empty one.
        s3: address of the S3 that they share with the client; nothing else is shared.
        engine: how.
    """

    def __init__(self, folder: Path, s3: str, engine: Engine = "lite") -> None:
        self.folder, self.s3, self.engine = folder, s3, engine
        self.hidden: list[Path] = []
        self.plan: list[str] = []
        self.begun, self.released = threading.Event(), threading.Event()
        self._works: list[Work] = []
        self._turn = threading.Lock()
        self._jvm: Jvm | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, request: Request) -> Work:
        """Start an application.

        `plan` says what comes of the next ones: `succeed` lets one end well without doing anything, `wait` lets it go
        on until it is killed, `hold` lets it begin when `released` is set; any other text is the log of one that fails.
        """
        work = Work()
        self._works.append(work)
        planned = self.plan.pop(0) if self.plan else ""
        threading.Thread(target=self._run, args=(work, request, planned), daemon=True).start()
        return work

    def end_works(self) -> None:
        """End all that is at work, and forget what was planned."""
        for work in self._works:
            work.kill()
            work.done.wait(60)
        self._works.clear()
        self.plan.clear()
        self.hidden.clear()
        self.begun.clear()
        self.released.clear()

    def lose_driver(self) -> None:
        """Let the machine of the driver that is at work vanish."""
        (process,) = (work.process for work in self._works if work.process and work.process.poll() is None)
        process.kill()

    def close(self) -> None:
        """End all that is at work, and Java."""
        self.end_works()
        if self._jvm:
            self._jvm.close()
            self._jvm = None

    def put_log(self, uri: str, text: str) -> None:
        """Put a gzipped log into S3."""
        put(f"{self.s3}/{uri.removeprefix('s3://')}", gzip.compress(text.encode()))

    def _run(self, work: Work, request: Request, planned: str) -> None:
        folder = self.folder / uuid.uuid4().hex[:8]
        folder.mkdir()
        try:
            with self._turn:
                work.exit_code = -9 if work.killed else self._execute(work, request, planned, folder)
                path = folder / "driver.log"
                work.log = path.read_text("utf-8", "replace") if path.exists() else work.log
            if request.logs:
                self.put_log(f"{request.logs}/stderr.gz", work.log)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            work.done.set()

    def _execute(self, work: Work, request: Request, planned: str, folder: Path) -> int:
        work_folder = folder / "work"
        work_folder.mkdir()
        if planned == "succeed":
            return 0
        if planned == "hold":
            self.begun.set()
            self.released.wait(60)
            planned = ""
        if planned and planned != "wait":
            work.log = planned
            return 1
        try:
            (work_folder / "main.py").write_bytes(self._fetch(request.main))
            self._unpack(request.settings.get("spark.archives", ""), work_folder)
        except FileNotFoundError as error:
            work.log = f"Exception in thread main java.io.FileNotFoundException: No such file or directory '{error}'"
            return 1
        python = request.environment.get("PYSPARK_DRIVER_PYTHON", "python3")
        found = (
            work_folder / python if python.startswith("./") else Path(shutil.which(python, path=_system()) or python)
        )
        if not found.exists():
            work.log = f'java.io.IOException: Cannot run program "{python}": error=2, No such file or directory'
            return 1
        command = [str(found), "main.py", *request.arguments]
        if planned == "wait":
            command = [sys.executable, "-c", "import time; time.sleep(600)"]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | self._role(folder)
        environment |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        environment |= request.environment
        settings = {name: value for name, value in request.settings.items() if not name.startswith(_NOT_LOCAL)}
        settings |= _LOCAL
        if self.engine == "lite":
            library = folder / "library"
            library.mkdir()
            shutil.copy(_HERE / "lite_pyspark.py", library / "pyspark.py")
            environment["PYTHONPATH"] = str(library)
        elif self.engine == "spark-submit":
            words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
            submit = Path(sys.executable).with_name("spark-submit")
            command = [str(submit), *words, *command[1:]]
            environment |= {"SPARK_LOCAL_IP": "127.0.0.1"}
        elif planned != "wait":
            environment |= self._java(settings, work_folder)
        return self._wait_for(work, command, work_folder, environment, folder / "driver.log")

    def _wait_for(self, work: Work, command: list[str], folder: Path, environment: dict[str, str], log: Path) -> int:
        away = [(path, path.with_name(f".{path.name}.hidden")) for path in self.hidden if path.exists()]
        for path, aside in away:
            path.rename(aside)
        try:
            with log.open("wb") as out:
                work.process = subprocess.Popen(
                    command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
                )
                if work.killed:
                    work.process.kill()
                self.begun.set()
                code = work.process.wait()
                code = code if code >= 0 else 128 - code  # as a shell tells of a process that a signal ended
        finally:
            for path, aside in away:
                aside.rename(path)
        if code and self._jvm:  # the context of a driver that was killed goes on in its Java
            self._jvm.close()
            self._jvm = None
        return code

    def _java(self, settings: dict[str, str], folder: Path) -> dict[str, str]:
        """Return the variables by which a driver finds a Java that waits for it with these settings."""
        place = self.folder / "java"
        place.mkdir(exist_ok=True)
        if self._jvm is None:
            self._jvm = Jvm(place, {**os.environ, **self._role(place), "SPARK_LOCAL_IP": "127.0.0.1"})
        link = place / "environment"  # workers are started where Java is
        link.unlink(missing_ok=True)
        link.symlink_to(folder / "environment")
        return self._jvm.set_up(settings)

    def _role(self, folder: Path) -> dict[str, str]:
        """Return what the machines of a job find by their role."""
        return {
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "AWS_ACCESS_KEY_ID": "role",
            "AWS_SECRET_ACCESS_KEY": "role",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.s3,
        }

    def _fetch(self, uri: str) -> bytes:
        try:
            url = f"{self.s3}/{uri.removeprefix('s3://')}"
            with urllib.request.urlopen(urllib.request.Request(url, headers=_SIGNED), timeout=60) as answer:
                data: bytes = answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            raise FileNotFoundError(uri) from None
        return data

    def _unpack(self, archive: str, folder: Path) -> None:
        uri, _, name = archive.partition("#")
        if not uri:
            return
        packed = folder / "archive"
        packed.write_bytes(self._fetch(uri))
        with tarfile.open(packed) as opened:
            opened.extractall(folder / name, filter="data")
        packed.unlink()


def put(url: str, data: bytes) -> None:
    """Put a file into an emulator of S3."""
    told = {**_SIGNED, "Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(url, data, told, method="PUT"), timeout=60).close()


def _system() -> str:
    """Return where the machine's own Python is, which has no ZenML."""
    return str(Path(sys.base_prefix) / "bin")
