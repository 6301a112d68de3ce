# Datasources: where a pipeline's data comes from. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.datasources.base import Datasource as Datasource
from zenml.datasources.csv import CSVDatasource as CSVDatasource
from zenml.datasources.data_frame import DataFrameDatasource as DataFrameDatasource
from zenml.datasources.data_frame import NumpyDatasource as NumpyDatasource
from zenml.datasources.data_frame import PandasDatasource as PandasDatasource
from zenml.datasources.image_folder import ImageFolderDatasource as ImageFolderDatasource
from zenml.datasources.json_lines import JSONLinesDatasource as JSONLinesDatasource
from zenml.datasources.parquet import ParquetDatasource as ParquetDatasource
from zenml.datasources.sql import SQLDatasource as SQLDatasource
from zenml.datasources.tfrecord import TFRecordDatasource as TFRecordDatasource
from zenml_gcp.bigquery.datasource import BigQueryDatasource as BigQueryDatasource
