# Deployer steps: a model becomes an endpoint. Serves those of every installed plugin.
# Written by tools/facades.py.
