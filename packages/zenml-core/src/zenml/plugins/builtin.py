"""What the core itself offers, through the same hooks as everybody else."""

from __future__ import annotations

from zenml.plugins import Capability, Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_orchestrator_backends() -> list[Spec]:
    """Offer the local orchestrators."""
    return [
        Spec(
            "OrchestratorBaseBackend",
            "orchestrator",
            "zenml.runtime.orchestrator_base:OrchestratorBaseBackend",
            "Runs the pipeline in this process",
        ),
        Spec(
            "OrchestratorSubprocessBackend",
            "orchestrator",
            "zenml.runtime.orchestrator_subprocess:OrchestratorSubprocessBackend",
            "Runs the packaged pipeline in a fresh interpreter and an empty folder: a rehearsal of a remote run",
            (Capability.CANCEL,),
        ),
    ]


@hookimpl
def zenml_processing_backends() -> list[Spec]:
    """Offer the local engine."""
    return [
        Spec(
            "ProcessingBaseBackend",
            "processing",
            "zenml.runtime.processing_base:ProcessingBaseBackend",
            "Works on shards in processes of this machine",
        )
    ]


@hookimpl
def zenml_training_backends() -> list[Spec]:
    """Offer training in this process."""
    return [
        Spec(
            "TrainingBaseBackend",
            "training",
            "zenml.runtime.training_base:TrainingBaseBackend",
            "Trains in the process that runs the pipeline",
        )
    ]


@hookimpl
def zenml_steps() -> list[Spec]:
    """Offer the steps of a pipeline on tables."""
    return [
        Spec("RandomSplit", "step", "zenml.steps.split.random_split:RandomSplit", "Divides rows at random by ratio"),
        Spec("NoSplit", "step", "zenml.steps.split.no_split:NoSplit", "Keeps all rows in one split"),
        Spec(
            "CategoricalDomainSplit",
            "step",
            "zenml.steps.split.categorical_domain_split:CategoricalDomainSplit",
            "Divides rows by lists of categories",
        ),
        Spec(
            "CategoricalRatioSplit",
            "step",
            "zenml.steps.split.categorical_ratio_split:CategoricalRatioSplit",
            "Divides categories, or the rows of each, by ratio",
        ),
        Spec("KeySplit", "step", "zenml.steps.split.key_split:KeySplit", "Keeps the rows of a key in one split"),
        Spec("TimeSplit", "step", "zenml.steps.split.time_split:TimeSplit", "Divides rows by time"),
        Spec(
            "StandardSequencer",
            "step",
            "zenml.steps.sequencer.standard:StandardSequencer",
            "Makes windows of rows by key and time",
        ),
        Spec(
            "StandardPreprocesser",
            "step",
            "zenml.steps.preprocesser.standard:StandardPreprocesser",
            "Fills and transforms columns by type",
        ),
        Spec(
            "AgnosticEvaluator",
            "step",
            "zenml.steps.evaluator.agnostic:AgnosticEvaluator",
            "Evaluates any model, overall and by slice",
        ),
        Spec(
            "TFMAEvaluator",
            "step",
            "zenml.steps.evaluator.tfma:TFMAEvaluator",
            "Evaluates any model, with the parameters of TensorFlow Model Analysis",
        ),
    ]


@hookimpl
def zenml_datasources() -> list[Spec]:
    """Offer the sources of data that need no other package."""
    return [
        Spec("CSVDatasource", "datasource", "zenml.datasources.csv:CSVDatasource", "Reads CSV files"),
        Spec(
            "DataFrameDatasource",
            "datasource",
            "zenml.datasources.data_frame:DataFrameDatasource",
            "Reads a table in memory through the Arrow C stream",
        ),
        Spec(
            "ImageFolderDatasource",
            "datasource",
            "zenml.datasources.image_folder:ImageFolderDatasource",
            "Reads images from a folder for each label",
        ),
        Spec(
            "JSONLinesDatasource",
            "datasource",
            "zenml.datasources.json_lines:JSONLinesDatasource",
            "Reads files of one JSON object a line",
        ),
        Spec("NumpyDatasource", "datasource", "zenml.datasources.data_frame:NumpyDatasource", "Reads arrays in memory"),
        Spec(
            "PandasDatasource",
            "datasource",
            "zenml.datasources.data_frame:PandasDatasource",
            "Reads a pandas data frame in memory",
        ),
        Spec("ParquetDatasource", "datasource", "zenml.datasources.parquet:ParquetDatasource", "Reads Parquet files"),
        Spec("SQLDatasource", "datasource", "zenml.datasources.sql:SQLDatasource", "Reads database tables and queries"),
        Spec(
            "TFRecordDatasource",
            "datasource",
            "zenml.datasources.tfrecord:TFRecordDatasource",
            "Reads TFRecord files of tf.Example records",
        ),
    ]


@hookimpl
def zenml_artifact_stores() -> list[Spec]:
    """Offer the artifact store, which takes any fsspec URL."""
    return [
        Spec(
            "ArtifactStore",
            "artifact-store",
            "zenml.artifacts.store:ArtifactStore",
            "Keeps artifacts in a folder, here or behind any fsspec URL",
        )
    ]


@hookimpl
def zenml_metadata_stores() -> list[Spec]:
    """Offer the stores in relational databases."""
    return [
        Spec(
            "MySQLMetadataStore",
            "metadata-store",
            "zenml.metadata.mysql:MySQLMetadataStore",
            "Records runs in a MySQL or MariaDB database",
        ),
        Spec(
            "PostgreSQLMetadataStore",
            "metadata-store",
            "zenml.metadata.postgresql:PostgreSQLMetadataStore",
            "Records runs in a PostgreSQL database",
        ),
        Spec(
            "SQLiteMetadataStore",
            "metadata-store",
            "zenml.metadata.sqlite:SQLiteMetadataStore",
            "Records runs in an SQLite file",
        ),
    ]


@hookimpl
def zenml_secret_resolvers() -> list[Spec]:
    """Offer the places for secrets that every machine has."""
    return [
        Spec(
            "env",
            "secret-resolver",
            "zenml.secrets.built_in:EnvironmentResolver",
            "Reads a secret from an environment variable",
        ),
        Spec("file", "secret-resolver", "zenml.secrets.built_in:FileResolver", "Reads a secret from a file"),
        Spec(
            "secret",
            "secret-resolver",
            "zenml.secrets.built_in:RepositoryResolver",
            "Reads a secret from the repository's secrets file",
        ),
    ]
