# Orchestrator backends: where a whole pipeline runs. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.backends.orchestrator_interface import OrchestratorBackend as OrchestratorBackend
from zenml.runtime.orchestrator_base import OrchestratorBaseBackend as OrchestratorBaseBackend
from zenml.runtime.orchestrator_subprocess import OrchestratorSubprocessBackend as OrchestratorSubprocessBackend
from zenml.runtime.remote import RemoteOrchestratorBackend as RemoteOrchestratorBackend
from zenml_aws.ec2.backend import OrchestratorAWSBackend as OrchestratorAWSBackend
from zenml_docker.backend import OrchestratorDockerBackend as OrchestratorDockerBackend
from zenml_gcp.vm.backend import OrchestratorGCPBackend as OrchestratorGCPBackend
from zenml_k8s.backend import OrchestratorKubernetesBackend as OrchestratorKubernetesBackend
