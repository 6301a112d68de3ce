"""A process that runs one table through all data steps: `python chain.py FILE LABEL ENGINE WORKERS`.

It prints how long the run and each of its steps took, and how many bytes they left on disk, as one line of JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from zenml.backends.interfaces import ProcessingBackend
from zenml.backends.processing import ProcessingBaseBackend
from zenml.datasources import CSVDatasource
from zenml.pipelines import Pipeline
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit


def engine(name: str, workers: int) -> ProcessingBackend:
    """Return the backend that does the work."""
    if name == "beam":
        from zenml.backends.processing import ProcessingBeamBackend

        return ProcessingBeamBackend(runner="FnApiRunner")
    if name == "spark":
        from zenml.backends.processing import ProcessingSparkBackend

        return ProcessingSparkBackend(master=f"local[{workers}]")
    return ProcessingBaseBackend(workers=workers)


def main() -> None:
    """Run the pipeline in a repository of its own."""
    path, label, name, workers = sys.argv[1:]
    shutil.rmtree(".zenml", ignore_errors=True)
    Path(".zenml").mkdir()
    backend = engine(name, int(workers))
    pipeline = Pipeline(name="Chain")
    pipeline.add_step(CSVDatasource(name="Table", path=path).with_backend(backend), id="commit")
    pipeline.add_step(RandomSplit(split_map={"train": 0.7, "eval": 0.3}).with_backend(backend), id="split")
    pipeline.add_step(StandardPreprocesser(labels=[label]).with_backend(backend), id="transform")
    began = time.perf_counter()
    run = pipeline.run()
    taken = {"total": time.perf_counter() - began, **{step: view.duration for step, view in run.steps.items()}}
    size = sum(file.stat().st_size for file in Path(".zenml").rglob("*") if file.is_file())
    Path("taken.json").write_text(json.dumps({**taken, "bytes": size}))


if __name__ == "__main__":
    main()
