"""Names that ZenML's own distributions offer, for messages about those not installed.

Written by tools/facades.py.
"""

from __future__ import annotations

FIRST_PARTY: dict[str, tuple[str, str]] = {
    "AgnosticEvaluator": ("zenml-core", "step"),
    "ArtifactStore": ("zenml-core", "artifact-store"),
    "CSVDatasource": ("zenml-core", "datasource"),
    "CategoricalDomainSplit": ("zenml-core", "step"),
    "CategoricalRatioSplit": ("zenml-core", "step"),
    "DataFrameDatasource": ("zenml-core", "datasource"),
    "ImageFolderDatasource": ("zenml-core", "datasource"),
    "JSONLinesDatasource": ("zenml-core", "datasource"),
    "KeySplit": ("zenml-core", "step"),
    "MLMDMetadataStore": ("zenml-mlmd", "metadata-store"),
    "MySQLMetadataStore": ("zenml-core", "metadata-store"),
    "NoSplit": ("zenml-core", "step"),
    "NumpyDatasource": ("zenml-core", "datasource"),
    "OrchestratorBaseBackend": ("zenml-core", "orchestrator"),
    "OrchestratorDockerBackend": ("zenml-docker", "orchestrator"),
    "OrchestratorKubernetesBackend": ("zenml-k8s", "orchestrator"),
    "OrchestratorSubprocessBackend": ("zenml-core", "orchestrator"),
    "PandasDatasource": ("zenml-core", "datasource"),
    "ParquetDatasource": ("zenml-core", "datasource"),
    "PostgreSQLMetadataStore": ("zenml-core", "metadata-store"),
    "ProcessingBaseBackend": ("zenml-core", "processing"),
    "ProcessingBeamBackend": ("zenml-beam", "processing"),
    "ProcessingSparkBackend": ("zenml-spark", "processing"),
    "RandomSplit": ("zenml-core", "step"),
    "SQLDatasource": ("zenml-core", "datasource"),
    "SQLiteMetadataStore": ("zenml-core", "metadata-store"),
    "SklearnTrainer": ("zenml-sklearn", "step"),
    "StandardPreprocesser": ("zenml-core", "step"),
    "StandardSequencer": ("zenml-core", "step"),
    "TFMAEvaluator": ("zenml-core", "step"),
    "TFRecordDatasource": ("zenml-core", "datasource"),
    "TimeSplit": ("zenml-core", "step"),
    "TrainingBaseBackend": ("zenml-core", "training"),
    "env": ("zenml-core", "secret-resolver"),
    "file": ("zenml-core", "secret-resolver"),
    "gs": ("zenml-gcp", "artifact-store"),
    "s3": ("zenml-aws", "artifact-store"),
    "secret": ("zenml-core", "secret-resolver"),
}
"""Distribution and kind by name."""
