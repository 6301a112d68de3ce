"""The Beam pipeline of a shard job, as Dataflow takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StagedPipeline:
    """A pipeline as bytes.

    Args:
        data: the serialized pipeline.
        environment_id: what it calls the environment of its workers.
        capabilities: what the workers' SDK can do.
        beam_version: the version of Beam that made it.
    """

    data: bytes
    environment_id: str
    capabilities: tuple[str, ...]
    beam_version: str


def build_pipeline(uri: str, numbers: Sequence[int], image: str, label: str) -> StagedPipeline:
    """Return the pipeline that works on shards of a staged job in containers of an image.

    Args:
        uri: of the staged job.
        numbers: of the shards.
        image: of the workers.
        label: what to call the work.
    """
    from zenml_beam.quiet import import_beam

    beam = import_beam()
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
    from apache_beam.transforms.environments import DockerEnvironment

    from zenml_gcp.dataflow.work import WorkRemotely

    pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))  # it is not run here
    dealt = pipeline | beam.Create(list(numbers), reshuffle=False) | beam.Reshuffle()
    dealt | label >> beam.ParDo(WorkRemotely(uri))
    proto = pipeline.to_runner_api(default_environment=DockerEnvironment.from_container_image(image))
    ((environment_id, environment),) = proto.components.environments.items()
    data = proto.SerializeToString(deterministic=True)
    return StagedPipeline(data, environment_id, tuple(environment.capabilities), beam.__version__)
