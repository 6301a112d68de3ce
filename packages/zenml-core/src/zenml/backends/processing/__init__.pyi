# Processing backends: engines that work on the shards of a data step. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.backends.interfaces import ProcessingBackend as ProcessingBackend
from zenml.runtime.processing_base import ProcessingBaseBackend as ProcessingBaseBackend
from zenml_aws.emr.backend import ProcessingEMRBackend as ProcessingEMRBackend
from zenml_beam.backend import ProcessingBeamBackend as ProcessingBeamBackend
from zenml_gcp.dataflow.backend import ProcessingDataFlowBackend as ProcessingDataFlowBackend
from zenml_spark.backend import ProcessingSparkBackend as ProcessingSparkBackend
