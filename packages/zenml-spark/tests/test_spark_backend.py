from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from zenml.data.shards import ShardJob, fold_order
from zenml.errors import ConfigError, ZenMLError
from zenml_spark.backend import ProcessingSparkBackend
from zenml_spark.session import SPARK

pytestmark = [pytest.mark.xdist_group("spark"), pytest.mark.usefixtures("spark")]

SMALL: dict[str, str | bool | int | float] = {"spark.driver.memory": "512m"}


def job(op: str, shards: list[dict[str, object]], out: Path) -> ShardJob:
    return ShardJob(op if ":" in op else f"zenml.testing.shard_ops:{op}", tuple(shards), str(out), {"scale": 1.0}, "it")


def javas() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if process.name() == "java"]


def work(backend: ProcessingSparkBackend, out: Path) -> None:
    mine = job("Arrays", [{"number": number} for number in range(3)], out)
    assert [state["number"] for state in fold_order(mine, backend.map(mine))] == [0, 1, 2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # PySpark leaves a pipe to it open
def test_a_spark_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    SPARK.close()
    backend = ProcessingSparkBackend(master="local[1]", conf={"spark.driver.memory": "lots"})
    with pytest.raises(ZenMLError, match=r"^Spark did not start: (.|\n)*Invalid maximum heap size"):
        work(backend, tmp_path / "out")
    assert javas() == []
    gc.collect()


def test_a_missing_java_is_told_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SPARK.close()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="openjdk-17-jre-headless"):
        work(ProcessingSparkBackend(master="local[1]"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_session_is_kept_for_equal_settings_and_replaced_for_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    work(ProcessingSparkBackend(master="local[2]", conf=SMALL, quiet=False), tmp_path / "loud")
    assert "log" in capfd.readouterr().err, "Spark tells how it logs"
    (loud,) = javas()

    work(ProcessingSparkBackend(master="local[2]", conf=SMALL), tmp_path / "quiet")
    (java,) = javas()
    assert not loud.is_running()
    work(ProcessingSparkBackend(master="local[2]", conf=SMALL), tmp_path / "again")
    assert javas() == [java]
    assert capfd.readouterr().err == ""

    listening = {row.laddr.ip for row in java.net_connections("inet") if row.status == "LISTEN"}
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert signal.getsignal(signal.SIGINT) is handler
    assert not {"PYSPARK_PYTHON", "SPARK_LOCAL_IP"} & set(os.environ)


def test_operations_that_only_this_process_can_import_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "op_of_the_user.py").write_text(
        "import sys\nfrom zenml.data.shards import ShardOp\n\n\n"
        "class Op(ShardOp):\n    def work(self, shard):\n        return {'python': sys.executable}\n"
    )
    backend = ProcessingSparkBackend(master="local[2]", conf=SMALL)
    work(backend, tmp_path / "first")
    monkeypatch.syspath_prepend(tmp_path)
    mine = job("op_of_the_user:Op", [{}], tmp_path / "out")
    (state,) = fold_order(mine, backend.map(mine))
    assert os.path.realpath(state["python"]) == os.path.realpath(sys.executable)


def test_a_killed_java_is_told_and_the_next_job_works(tmp_path: Path) -> None:
    backend = ProcessingSparkBackend(master="local[2]", conf=SMALL)
    work(backend, tmp_path / "out")
    killer = "import os, signal\nfrom zenml.data.shards import ShardOp\n\n\n"
    killer += "class Kill(ShardOp):\n    def work(self, shard):\n"
    killer += "        os.kill(shard['pid'], signal.SIGKILL)\n        return {}\n"
    (tmp_path / "op_that_kills.py").write_text(killer)
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(ZenMLError, match=r"^it: Spark on local\[2\] failed: "):
            backend.map(job("op_that_kills:Kill", [{"pid": javas()[0].pid}], tmp_path / "out"))
    finally:
        sys.path.remove(str(tmp_path))
    work(backend, tmp_path / "again")


def test_a_context_of_the_program_s_own_is_used_and_left_alone(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from pyspark import SparkConf, SparkContext\n"
        "from zenml.backends.processing import ProcessingSparkBackend\n"
        "from zenml.data.shards import ShardJob, fold_order\n"
        "from zenml.errors import ConfigError\n"
        "settings = [('spark.master', 'local[1]'), ('spark.app.name', 'own'), ('spark.ui.enabled', 'false')]\n"
        "own = SparkContext(conf=SparkConf().setAll([*settings, ('spark.driver.memory', '512m')]))\n"
        f"job = ShardJob('zenml.testing.shard_ops:Raise', ({{}}, {{}}), {str(tmp_path / 'out')!r})\n"
        "assert fold_order(job, ProcessingSparkBackend(master='local[1]').map(job)) == [{}, {}]\n"
        "try:\n"
        "    ProcessingSparkBackend(master='local[2]').map(job)\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
        "assert own.parallelize([1, 2]).sum() == 3\n"
        "own.stop()\n"
    )
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "this process has a Spark context on local[1] already" in done.stdout
    assert "ProcessingSparkBackend(master='local[1]')" in done.stdout


def test_ctrl_c_ends_spark_and_all_that_it_does(tmp_path: Path) -> None:
    (tmp_path / "op_that_waits.py").write_text(
        "import os, signal, threading\nfrom zenml.data.shards import ShardOp\n\n\n"
        "class Op(ShardOp):\n    def work(self, shard):\n"
        "        (self.out / 'pid').write_text(str(os.getpid()))\n"
        "        os.kill(shard['driver'], signal.SIGINT)\n        threading.Event().wait()\n"
    )
    script = (
        "import os\n"
        "from zenml.backends.processing import ProcessingSparkBackend\n"
        "from zenml.data.shards import ShardJob\n"
        "backend = ProcessingSparkBackend(master='local[1]', conf={'spark.driver.memory': '512m'})\n"
        f"job = ShardJob('op_that_waits:Op', ({{'driver': os.getpid()}},), {str(tmp_path / 'out')!r})\n"
        "backend.map(job)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)
    assert "KeyboardInterrupt" in done.stderr
    worker = int((tmp_path / "out" / "pid").read_text())
    left = [psutil.Process(worker)] if psutil.pid_exists(worker) else []
    assert not psutil.wait_procs(left, timeout=20)[1]
