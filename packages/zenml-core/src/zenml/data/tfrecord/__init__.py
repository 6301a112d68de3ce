"""TFRecord files of tf.Example records, read and written with NumPy and pyarrow alone.

`encode_batch` gives the bytes of a file, `decode`, `decode_batches` and `decode_file` read them
back by a schema, and `sample_features` tells what is in records of which nothing is known.
"""

from zenml.data.tfrecord.decode import decode, decode_batches, decode_file
from zenml.data.tfrecord.encode import EncodedBatch, encode_batch
from zenml.data.tfrecord.sample import Sampled, sample_features

__all__ = ["EncodedBatch", "Sampled", "decode", "decode_batches", "decode_file", "encode_batch", "sample_features"]
