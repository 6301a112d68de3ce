"""The API server is believed, and listens, only by its certificates."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from certificates import Authority
from kube_double import KubeDouble

from zenml.errors import ZenMLError
from zenml_k8s.backend import OrchestratorKubernetesBackend


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "cluster")


@pytest.fixture
def secured(tmp_path: Path, authority: Authority) -> Iterator[KubeDouble]:
    """A cluster that shows a certificate, and asks whoever calls for one."""
    issued = authority.issue("api", "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(issued.certificate, issued.key)
    with KubeDouble(tmp_path / "node", tls=context) as double:
        double.add_namespace("ml")
        yield double


def backend(
    kube: KubeDouble, path: Path, cluster: dict[str, Any], user: dict[str, Any]
) -> OrchestratorKubernetesBackend:
    """Return one that leads to a cluster by a kubeconfig with more fields of the cluster and its user."""
    config = yaml.safe_load(kube.write_kubeconfig(path, namespace="ml").read_text("utf-8"))
    config["clusters"][0]["cluster"] |= cluster
    config["users"][0]["user"] |= user
    path.write_text(yaml.safe_dump(config), "utf-8")
    return OrchestratorKubernetesBackend(kubernetes_config_path=str(path))


def test_a_cluster_of_the_named_authority_is_believed(
    secured: KubeDouble, authority: Authority, tmp_path: Path
) -> None:
    mine = authority.issue("me")
    user = {"client-certificate": str(mine.certificate), "client-key": str(mine.key)}
    backend(secured, tmp_path / "config", {"certificate-authority": str(authority.ca)}, user).check_access()
    assert secured.calls


@pytest.mark.parametrize("named", ["another's", "none", "no client certificate"])
def test_nothing_is_said_where_the_certificates_do_not_fit(
    named: str, secured: KubeDouble, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    trusted = other if named == "another's" else authority
    cluster = {} if named == "none" else {"certificate-authority": str(trusted.ca)}
    with pytest.raises(ZenMLError, match=r"the connection to the cluster is not secure|does not answer"):
        backend(secured, tmp_path / "config", cluster, {}).check_access()
    assert not secured.calls
