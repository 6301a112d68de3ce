"""Pipelines on the cluster, from `run(backend=…)` to a trained model in a bucket and a COMPLETE run in a database."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import quickstart_for_tests
import yaml
from database_servers import PASSWORD
from kube_double import Fault, KubeDouble
from kube_double.schemas import check_strictly
from kube_jobs import Make, leaving_nothing
from quickstart_for_tests import quickstart

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError, RunFailed, SpecError
from zenml.metadata.records import State
from zenml.metadata.store import MetadataStore
from zenml.repo import Repository
from zenml.runtime.run import Run
from zenml.runtime.submitted import Submitted
from zenml.spec.model import ComponentSpec

pytestmark = pytest.mark.xdist_group("mariadb")


@pytest.fixture(autouse=True)
def _data(project: Path, diabetes: Path) -> None:
    shutil.copy(diabetes, project)


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def test_the_documented_snippet_trains_a_model(
    kube: KubeDouble, tmp_path: Path, metadata: MetadataStore, bucket: ArtifactStore
) -> None:
    from zenml.backends.orchestrator import OrchestratorKubernetesBackend

    metadata_store, artifact_store = metadata, bucket
    training_pipeline = quickstart("diabetes.csv", "There")
    K8S_CONFIG_PATH = str(kube.write_kubeconfig(tmp_path / "kubeconfig"))  # noqa: N806 - as it is documented

    # Define the orchestrator backend
    orchestrator_backend = OrchestratorKubernetesBackend(
        kubernetes_config_path=K8S_CONFIG_PATH,
        image_pull_policy="Always")  # fmt: skip

    # Run the pipeline on a Kubernetes Cluster
    with leaving_nothing(kube):
        run = training_pipeline.run(
            backend=orchestrator_backend,
            metadata_store=metadata_store,
            artifact_store=artifact_store,
        )
    assert run.state is State.COMPLETE
    recorded = metadata.get_run(run.id)
    assert recorded is not None
    assert recorded.state is State.COMPLETE
    here = quickstart("diabetes.csv", "Here").run()
    assert run.metrics == here.metrics
    assert digests(run) == digests(here)
    assert run.steps["trainer"].outputs["model"].uri.startswith("s3://")
    assert not list(Submitted.all(Path.cwd()))


def in_command_lines(values: list[str]) -> list[str]:
    """Return the processes whose command lines hold one of the texts."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = file.read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        found += [str(file) for value in values if value.encode() in text]
    return found


def everything_in(store: ArtifactStore) -> Iterator[bytes]:
    for folder in store.transport.folders(""):
        for name in store.transport.sizes(folder):
            yield store.read_bytes(f"{folder}/{name}")


def test_a_planted_secret_is_in_a_secret_alone_and_gone_after_the_run(
    kube: KubeDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore, bucket_key: str, project: Path
) -> None:
    where = {"metadata_store": metadata, "artifact_store": bucket}
    run = quickstart("diabetes.csv", "Planted").run(backend=backend(), wait=False, **where)
    pod = kube.running_pod()
    kube.wait_for(lambda: kube.node.containers[pod["metadata"]["uid"]].lines)
    coded = [base64.b64encode(value.encode()).decode() for value in (bucket_key, PASSWORD)]
    forms = [bucket_key, PASSWORD, json.dumps(PASSWORD)[1:-1], *coded]
    assert in_command_lines(forms) == []
    (secret,) = kube.all("secrets", "ml")
    assert set(coded) <= set(secret["data"].values())
    for resource in ("jobs", "pods", "events"):
        text = json.dumps(kube.all(resource), ensure_ascii=False)
        assert not [value for value in forms if value in text]
    printed = "\n".join(backend().logs(run.id, follow=True))
    kube.wait_for(lambda: backend().look(run.id, bucket).state.ended)
    assert run.state is State.COMPLETE
    assert "trainer" in printed
    with leaving_nothing(kube):
        backend().clean_up(run.id)
    kept = [*everything_in(bucket), *(path.read_bytes() for path in project.rglob("*") if path.is_file())]
    assert len(kept) > 20
    assert not [text[:200] for text in [*kept, printed.encode()] for value in forms if value.encode() in text]


SCRIPT = """
import sys
sys.path.insert(0, {e2e!r})
from quickstart_for_tests import quickstart
from zenml.artifacts.store import ArtifactStore
from zenml.metadata.store import MetadataStore
from zenml.spec.model import ComponentSpec
from zenml_k8s.backend import OrchestratorKubernetesBackend

quickstart("diabetes.csv", "Left").run(
    backend=OrchestratorKubernetesBackend(kubernetes_config_path={config!r}),
    metadata_store=MetadataStore.from_config({metadata!r}),
    artifact_store=ArtifactStore.from_spec(ComponentSpec(**{store!r})),
)
"""


@pytest.mark.parametrize("left", ["secrets", "jobs"])
def test_a_client_that_is_killed_leaves_nothing_that_is_not_found_again(
    left: str, kube: KubeDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore, project: Path
) -> None:
    store = bucket.to_spec()
    assert isinstance(store, ComponentSpec)
    text = SCRIPT.format(
        e2e=str(Path(quickstart_for_tests.__file__).parent),
        config=backend().kubernetes_config_path,
        metadata=metadata.to_config(),
        store=store.model_dump(),
    )
    (project / "script.py").write_text(text)
    if left == "secrets":
        kube.faults.append(Fault("time-out", method="GET", path="/jobs/"))
    with subprocess.Popen([sys.executable, "script.py"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as client:
        kube.wait_for(lambda: kube.all(left, "ml") or client.poll() is not None)
        client.kill()
        assert client.stderr
        assert client.wait() == -signal.SIGKILL, client.stderr.read()
    (found,) = Submitted.all(project)
    assert found.backend == backend()
    (there,) = backend().list_runs()
    assert there.run_id == found.run_id
    if left == "jobs":
        kube.wait_for(lambda: backend().look(found.run_id, found.store).state.ended)
        assert Run(found.run_id, metadata, found.store).state is State.COMPLETE
    else:
        assert not kube.all("jobs")
    with leaving_nothing(kube):
        rows = Repository.get_instance().garbage(older_than=0, unknown_runs=True).delete()
    assert f"OrchestratorKubernetesBackend: {', '.join(there.resources)}" in [row.uri for row in rows]
    assert not list(Submitted.all(project))


def test_a_run_ends_well_while_every_other_call_fails(
    kube: KubeDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore
) -> None:
    hows = ("429", "500", "503", "cut-before", "cut-after")
    kube.faults.extend(Fault(hows[number % 5], at=1 + 2 * number) for number in range(1000))
    where = {"metadata_store": metadata, "artifact_store": bucket}
    with leaving_nothing(kube):
        run = quickstart("diabetes.csv", "Shaken").run(backend=backend(), **where)
    assert run.state is State.COMPLETE
    assert [event["reason"] for event in kube.all("events")].count("SuccessfulCreate") == 1
    assert not list(Submitted.all(Path.cwd()))


def test_a_machine_that_vanishes_is_followed_by_another(
    kube: KubeDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore
) -> None:
    where = {"metadata_store": metadata, "artifact_store": bucket}
    run = quickstart("diabetes.csv", "Evicted").run(backend=backend(), wait=False, **where)
    first = kube.running_pod()
    kube.node.press(first)  # before its supervisor can say a word
    kube.wait_for(lambda: kube.ended(first))
    second = kube.running_pod()
    kube.wait_for(lambda: any(step.state is State.COMPLETE for step in run.steps.values()))
    kube.node.press(second)
    kube.wait_for(lambda: backend().look(run.id, bucket).state.ended)
    assert run.state is State.COMPLETE
    assert len(kube.all("pods")) == 3
    backend().clean_up(run.id)


def test_what_the_cluster_refuses_fails_the_call_and_leaves_nothing(
    kube: KubeDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore
) -> None:
    where = {"metadata_store": metadata, "artifact_store": bucket}
    with pytest.raises(ConfigError, match="there is no namespace absent"):
        quickstart("diabetes.csv").run(backend=backend(namespace="absent"), **where)
    kube.faults.append(Fault("403", method="POST", path="/jobs"))
    with leaving_nothing(kube), pytest.raises(ConfigError, match="the cluster refused"):
        quickstart("diabetes.csv").run(backend=backend(), **where)
    kube.faults.clear()
    kube.node.pull_errors["none:1"] = "manifest unknown"
    refused = r"the image none:1 cannot be pulled: manifest unknown\. Check image="
    with leaving_nothing(kube), pytest.raises(RunFailed, match=refused):
        quickstart("diabetes.csv").run(backend=backend(image="none:1"), **where)


def test_a_plan_is_what_kubernetes_takes_and_makes_nothing(
    kube: KubeDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore, bucket_key: str, project: Path
) -> None:
    quickstart("diabetes.csv", "Planned").to_yaml(project / "planned.yaml")
    spec = yaml.safe_load((project / "planned.yaml").read_text())
    store = bucket.to_spec()
    assert isinstance(store, ComponentSpec)
    spec["run"] = {
        "backend": backend(active_deadline_seconds=3600).to_config(),
        "metadata_store": metadata.to_config(),
        "artifact_store": store.model_dump(),
    }
    (project / "planned.yaml").write_text(yaml.safe_dump(spec))
    command = [sys.executable, "-m", "zenml.cli.main", "pipeline", "plan", "planned.yaml", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    resources = json.loads(done.stdout)["resources"]
    assert [resource["kind"] for resource in resources] == ["Secret", "Job"]
    for resource in resources:
        check_strictly(resource["body"])
    assert not [value for value in (PASSWORD, bucket_key) if value in done.stdout + done.stderr]
    assert kube.calls == []
    assert not list(everything_in(bucket))


def test_stores_of_this_machine_are_refused_before_anything_is_made(
    kube: KubeDouble, backend: Make, project: Path
) -> None:
    with pytest.raises(SpecError) as error:
        quickstart("diabetes.csv").run(backend=backend())
    assert "zenml config metadata set mysql" in str(error.value)
    assert "zenml config artifacts set s3://" in str(error.value)
    with pytest.raises(SpecError, match="is not below any of mounts"):
        quickstart("diabetes.csv").run(backend=backend(mounts={"/elsewhere": "claim"}))
    assert not any(kube.all(resource) for resource in ("jobs", "pods", "secrets"))
    assert not list(Submitted.all(project))
