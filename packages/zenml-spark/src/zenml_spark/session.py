"""The process's one connection to Spark: started when it is needed, kept for the next job, ended with the process."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zenml.errors import ConfigError, ZenMLError
from zenml_spark.java import java_problem
from zenml_spark.settings import is_local

Settings = Mapping[str, str]

_LAST_LINES = 15


class SparkConnection:
    """A Spark context, and the Java process behind it; PySpark allows one per process.

    It is started with other settings when those asked for differ. A context that someone else started in this process
    is used as it is, and never stopped, if it is on the master that is asked for.
    """

    def __init__(self) -> None:
        self._free = threading.Condition(threading.RLock())
        self._users = 0
        self._broken = False
        self._context: Any = None
        self._gateway: Any = None
        self._asked: tuple[Settings, bool] | None = None
        self._log: Path | None = None
        atexit.register(self.close)

    @contextmanager
    def use(self, settings: Settings, *, quiet: bool) -> Iterator[Any]:
        """Give a context with these settings; it is not stopped while anyone uses it.

        Args:
            settings: by name; `spark.master` and `spark.app.name` among them.
            quiet: keep what Spark says to itself, in a file that is shown when it fails.

        Raises:
            ConfigError: Java is missing or too old, or someone else's context is on another master.
            ZenMLError: Spark does not start.
        """
        asked = (dict(settings), quiet)
        with self._free:
            self._free.wait_for(lambda: not self._users or asked == self._asked)
            context = self._get(*asked)
            self._users += 1
        try:
            yield context
        except Exception as error:
            self._broken = not _is_from_java(error)
            raise
        except BaseException:  # Ctrl-C, amid an exchange with Java that nobody can resume: its jobs end with it
            self._kill()
            raise
        finally:
            with self._free:
                self._users -= 1
                self._free.notify_all()

    def close(self) -> None:
        """Stop the context and end the Java process; nothing happens when there is none."""
        with self._free:
            if self._context is not None:
                if self._broken:
                    self._kill()
                _stop(self._context)
            if self._gateway is not None:
                _end_java(self._gateway)
            if self._log:
                self._log.unlink(missing_ok=True)
            self._context = self._gateway = self._log = self._asked = None
            self._broken = False

    def _kill(self) -> None:
        self._broken = True
        if self._gateway is not None:
            self._gateway.proc.kill()

    def last_words(self) -> str:
        """Return the last lines that the quiet Java process wrote, to go below an error's message."""
        text = self._log.read_text("utf-8", "replace") if self._log and self._log.exists() else ""
        lines = [line for line in text.splitlines() if line.strip()]
        return "".join(f"\n  {line}" for line in lines[-_LAST_LINES:])

    def _get(self, settings: Settings, quiet: bool) -> Any:
        if self._context is not None and not self._broken and self._asked == (settings, quiet):
            return self._context
        self.close()
        foreign = _context_of_others()
        if foreign is not None:
            return _fit(foreign, settings["spark.master"])
        problem = java_problem()
        if problem:
            raise ConfigError(problem)
        try:
            self._start(settings, quiet=quiet)
        except Exception as error:
            said = self.last_words()
            self.close()
            raise ZenMLError(f"Spark did not start: {type(error).__name__}: {error}{said}") from error
        self._asked = (settings, quiet)
        return self._context

    def _start(self, settings: Settings, *, quiet: bool) -> None:
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway

        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        everything = {"spark.executorEnv.PYTHONPATH": path, **settings}
        conf = SparkConf(loadDefaults=False).setAll(list(everything.items()))
        with _environment(settings["spark.master"]), _signals_kept():
            if quiet:
                descriptor, name = tempfile.mkstemp(prefix="zenml-spark-", suffix=".log")
                self._log = Path(name)
                with os.fdopen(descriptor, "wb") as log:
                    self._gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
            else:
                self._gateway = launch_gateway(conf)
            self._context = SparkContext(gateway=self._gateway, conf=conf)


def _context_of_others() -> Any:
    """Return the context that someone else started in this process, or None."""
    from pyspark import SparkContext

    return SparkContext._active_spark_context  # noqa: SLF001 - PySpark tells it in no other way without making one


def _fit(context: Any, master: str) -> Any:
    if context.master != master:
        raise ConfigError(
            f"this process has a Spark context on {context.master} already, and can have one only",
            "ProcessingSparkBackend.master",
            f"Stop it first, or use ProcessingSparkBackend(master={context.master!r})",
        )
    return context


def _is_from_java(error: Exception) -> bool:
    """Tell whether an error was answered by Java, which then is alive."""
    from py4j.protocol import Py4JJavaError

    return isinstance(error, Py4JJavaError) or isinstance(error.__cause__, Py4JJavaError)


def _stop(context: Any) -> None:
    try:
        context.stop()
    except Exception:  # noqa: BLE001 - Java has gone already; the second call stops what there is on this side
        context.stop()


def _end_java(gateway: Any) -> None:
    from pyspark import SparkContext

    gateway.shutdown()
    gateway.proc.stdin.close()  # the Java process ends when this pipe does
    gateway.proc.wait()
    if SparkContext._gateway is gateway:  # noqa: SLF001 - else PySpark would go on talking to the ended process
        SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None  # noqa: SLF001 - as above


@contextmanager
def _environment(master: str) -> Iterator[None]:
    """Let Spark start this interpreter for its workers, and a local one keep to the loopback interface."""
    ours = {"PYSPARK_PYTHON": sys.executable}
    if is_local(master):
        ours["SPARK_LOCAL_IP"] = "127.0.0.1"
    elif "PYSPARK_PYTHON" in os.environ:
        ours = {}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Undo what PySpark does to Ctrl-C: the handler that was there stays in charge."""
    in_charge = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if in_charge else None
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)


SPARK = SparkConnection()
"""The process's one connection."""
