"""A whole pipeline on an engine that shuffles, repeats, retries and splits work over foreign processes."""

from __future__ import annotations

from pathlib import Path

from zenml.backends.interfaces import ProcessingBackend
from zenml.backends.processing import ProcessingBaseBackend
from zenml.testing.hostile import HostileProcessingBackend


def test_it_gives_the_same_bytes_as_the_local_engine(project: Path, diabetes: Path) -> None:
    from quickstart_for_tests import quickstart

    header, *rows = diabetes.read_text().splitlines(keepends=True)
    for number in range(4):
        (project / f"part-{number}.csv").write_text(header + "".join(rows[number::4]))
    engines: dict[str, ProcessingBackend] = {
        "here": ProcessingBaseBackend(workers=1),
        "workers": ProcessingBaseBackend(workers=2),
        "hostile": HostileProcessingBackend(seed=7),
    }
    digests = {}
    for name, engine in engines.items():
        pipeline = quickstart("part-*.csv", name=name)
        for step in pipeline.steps.values():
            if "processing" in step.BACKEND_KINDS:
                step.with_backend(engine)
        run = pipeline.run(artifact_store=str(project / name))
        assert {step.state for step in run.steps.values()} == {"COMPLETE"}, "served by another engine's artifacts"
        digests[name] = [output.digest for step in run.steps.values() for output in step.outputs.values()]
    assert digests["workers"] == digests["here"]
    assert digests["hostile"] == digests["here"]
