"""What would keep a Job from being made is told before anything is, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from kube_double import KubeDouble
from kube_jobs import Make

from zenml.errors import ConfigError, ZenMLError
from zenml_k8s import cluster
from zenml_k8s.backend import OrchestratorKubernetesBackend


def problems(backend: OrchestratorKubernetesBackend) -> list[str]:
    with pytest.raises(ConfigError) as error:
        backend.check_access()
    return [str(problem) for problem in error.value.problems]


def test_nothing_is_wrong(kube: KubeDouble, backend: Make) -> None:
    kube.set_quota("ml", {"count/jobs.batch": "1", "requests.cpu": "2", "limits.memory": "1Gi"})
    backend(resources={"requests": {"cpu": "1500m"}, "limits": {"memory": "1Gi"}}).check_access()
    assert not any(kube.all(resource) for resource in ("jobs", "secrets", "pods"))


def test_there_is_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (told,) = problems(OrchestratorKubernetesBackend())
    assert told == (
        "~/.kube/config: there is no kubeconfig, which says how to reach the cluster. "
        "Give kubernetes_config_path=…, or set KUBECONFIG"
    )
    (told,) = problems(OrchestratorKubernetesBackend(kubernetes_config_path=str(tmp_path / "none")))
    assert str(tmp_path / "none") in told


def test_a_kubeconfig_is_found_where_kubectl_finds_it(
    kube: KubeDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    kube.write_kubeconfig(tmp_path / ".kube" / "config", namespace="ml")
    OrchestratorKubernetesBackend().check_access()
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{tmp_path / '.kube' / 'config'}")
    OrchestratorKubernetesBackend().check_access()


@pytest.mark.parametrize("text", ["", "{", "- a", "kind: Config\n"])
def test_a_kubeconfig_that_is_none_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    (told,) = problems(OrchestratorKubernetesBackend(kubernetes_config_path=str(file)))
    assert "the kubeconfig cannot be used" in told


def test_a_context_that_is_not_there_is_told(backend: Make) -> None:
    (told,) = problems(backend(context="other"))
    assert "kubectl config get-contexts" in told


def test_a_changed_kubeconfig_is_read_again(kube: KubeDouble, tmp_path: Path) -> None:
    file = kube.write_kubeconfig(tmp_path / "kubeconfig", namespace="ml", token="old")
    backend = OrchestratorKubernetesBackend(kubernetes_config_path=str(file))
    (told,) = problems(backend)
    assert "the cluster does not accept the credentials: they are wrong or have expired. Sign in again" in told
    kube.write_kubeconfig(file, namespace="ml")
    backend.check_access()


def test_a_pod_uses_its_service_account(kube: KubeDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes.config import incluster_config

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    cluster._in_cluster.cache_clear()
    (told,) = problems(OrchestratorKubernetesBackend())
    assert "this pod cannot reach its cluster" in told
    for name, text in (("token", "good-token"), ("ca.crt", "none"), ("namespace", "ml\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(cluster, "_IN_CLUSTER", tmp_path / "namespace")
    found = cluster.connect(None, None, None)
    assert (found.namespace, found.address) == ("ml", "https://127.0.0.1:1")
    cluster._in_cluster.cache_clear()


def test_a_cluster_that_does_not_answer_is_told(kube: KubeDouble, tmp_path: Path) -> None:
    file = kube.write_kubeconfig(tmp_path / "config")
    text = file.read_text()
    file.write_text(text.replace(kube.url, "http://127.0.0.1:1"))
    with pytest.raises(ZenMLError, match=r"127.0.0.1:1: the cluster does not answer: .*refused.*Check the network"):
        OrchestratorKubernetesBackend(kubernetes_config_path=str(file)).check_access()
    file.write_text(text.replace("http://", "https://"))
    with pytest.raises(ZenMLError, match="the connection to the cluster is not secure"):
        OrchestratorKubernetesBackend(kubernetes_config_path=str(file)).check_access()


def test_everything_that_is_wrong_is_told_at_once(kube: KubeDouble, backend: Make) -> None:
    kube.api.denied |= {("create", "jobs"), ("delete", "jobs"), ("get", "pods/log"), ("patch", "secrets")}
    kube.set_quota("ml", {"pods": "0", "limits.memory": "512Mi", "requests.cpu": "4"})
    told = problems(backend(service_account="absent", resources={"limits": {"memory": "1Gi"}}))
    assert [text.partition(": ")[2] if "http" in text else text for text in told]
    whole = "\n".join(told)
    for text in (
        "you may not create, delete jobs in the namespace ml. Ask for a Role",
        "you may not get pods/log in the namespace ml",
        "you may not patch secrets in the namespace ml",
        "there is no service account absent in the namespace ml",
        "pods: the run needs 1, and 0 of 0 is left",
        "limits.memory: the run needs 1073741824, and 536870912 of 512Mi is left",
        "it demands that pods name their requests.cpu. Set resources={'requests': {'cpu': …}}",
    ):
        assert text in whole
    assert len(told) == 7


def test_a_namespace_that_does_not_exist_is_told(backend: Make) -> None:
    (told,) = problems(backend(namespace="absent"))
    assert "there is no namespace absent. Make it: kubectl create namespace NAME" in told


def test_what_one_may_not_look_at_is_not_checked(kube: KubeDouble, backend: Make) -> None:
    kube.api.denied |= {("get", "namespaces"), ("get", "serviceaccounts"), ("list", "resourcequotas")}
    backend(service_account="absent").check_access()


def test_a_quota_that_is_used_up_is_told_when_the_job_is_made_too(kube: KubeDouble, backend: Make) -> None:
    from kube_jobs import begin, job

    kube.set_quota("ml", {"count/jobs.batch": "0"})
    with pytest.raises(ConfigError, match=r"exceeded quota: quota.*Free what the quota counts"):
        begin(backend(), job())
