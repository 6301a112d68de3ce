# Metadata: what every run did, in the schema of ML Metadata. Serves the stores of every installed plugin.
# Written by tools/facades.py.

from zenml.metadata.mysql import MySQLMetadataStore as MySQLMetadataStore
from zenml.metadata.postgresql import PostgreSQLMetadataStore as PostgreSQLMetadataStore
from zenml.metadata.sqlite import SQLiteMetadataStore as SQLiteMetadataStore
from zenml.metadata.store import MetadataStore as MetadataStore
from zenml_mlmd.store import MLMDMetadataStore as MLMDMetadataStore
