"""Jvm: a Java that several drivers use, one after the other; to start one takes seconds.

Run as a script, this file starts it and lets whoever started it set its properties.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


class Jvm:
    """A Java process with a gateway for PySpark.

    Args:
        folder: its working directory.
        environment: its variables, which the workers of all drivers have, too.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        with (folder / "java.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._port, self._secret = self._read().split()

    def set_up(self, settings: dict[str, str]) -> dict[str, str]:
        """Let the next driver have these settings; return the variables by which it gets to this Java."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        self._read()
        return {"PYSPARK_GATEWAY_PORT": self._port, "PYSPARK_GATEWAY_SECRET": self._secret}

    def close(self) -> None:
        """End it, and with it the workers of a driver that was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "Java could not be started"
        return line


def _serve() -> None:
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway

    conf = SparkConf(loadDefaults=False).setAll([("spark.driver.memory", "512m")])
    gateway = launch_gateway(conf)
    print(gateway.gateway_parameters.port, gateway.gateway_parameters.auth_token, flush=True)
    for line in sys.stdin:
        system = gateway.jvm.java.lang.System
        for name in list(system.getProperties().stringPropertyNames()):
            if name.startswith("spark."):
                system.clearProperty(name)
        for name, value in json.loads(line).items():
            system.setProperty(name, value)
        print("ready", flush=True)
    gateway.proc.kill()
    gateway.proc.wait()


if __name__ == "__main__":
    _serve()
