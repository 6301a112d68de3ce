"""The plugin of README.md, built, installed and used in a pipeline."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

USE = """
from zenml.backends.processing import ProcessingThreadsBackend
from zenml.datasources import CSVDatasource
from zenml.pipelines import DataPipeline
from zenml.steps.split import RandomSplit

pipeline = DataPipeline(name="Threads")
pipeline.add_datasource(CSVDatasource(name="Pima", path="diabetes.csv").with_backend(ProcessingThreadsBackend()))
split = RandomSplit(split_map={"train": 0.7, "eval": 0.3}).with_backend(ProcessingThreadsBackend(threads=2))
pipeline.add_step(split, id="split")
text = pipeline.to_yaml("threads.yaml")
assert "ProcessingThreadsBackend" in text, text
run = pipeline.run()
print(run.state, run.steps["split"].outputs["examples"].digest)
"""


def blocks() -> dict[str, str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- plugin: (.+?) -->\n```\w+\n(.*?)```\n", text, re.DOTALL))


def test_it_is_listed_and_works_on_data_like_the_engine_of_the_core(scratch, tmp_path: Path, diabetes: Path) -> None:
    files = blocks()
    assert len(re.findall(r"\S.*\n", files["plugin.py"] + files["backend.py"])) <= 20
    project = scratch.project("zenml-threads", files["plugin.py"], files={"backend.py": files["backend.py"]})
    assert 'threads = "zenml_threads.plugin"' in files["pyproject.toml"]
    scratch.install(project)
    rows = {row["name"]: row for row in scratch.rows("--kind", "processing")}
    assert rows["ProcessingThreadsBackend"]["state"] == "available"

    folder = tmp_path / "use"
    (folder / ".zenml").mkdir(parents=True)
    shutil.copy(diabetes, folder)
    (folder / "use.py").write_text(USE)
    done = scratch.run(
        "-c", f"import os, runpy; os.chdir({str(folder)!r}); runpy.run_path('use.py', run_name='__main__')"
    )
    assert done.returncode == 0, done.stderr
    with_core = USE.replace("ProcessingThreadsBackend(threads=2)", "ProcessingBaseBackend()").replace(
        "ProcessingThreadsBackend", "ProcessingBaseBackend"
    )
    (folder / "use.py").write_text(with_core)
    shutil.rmtree(folder / ".zenml")
    (folder / ".zenml").mkdir()
    plain = scratch.run(
        "-c", f"import os, runpy; os.chdir({str(folder)!r}); runpy.run_path('use.py', run_name='__main__')"
    )
    assert plain.returncode == 0, plain.stderr
    assert done.stdout.split()[-2:] == plain.stdout.split()[-2:]
