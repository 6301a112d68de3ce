# Deployer backends: where a model is served. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.backends.interfaces import DeployerBackend as DeployerBackend
