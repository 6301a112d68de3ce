"""TFRecord files of tf.Example records, read and written with NumPy and pyarrow alone.

`encode_batch` gives the bytes of a file, `decode` and `decode_file` read them back by a schema.
"""

from zenml.data.tfrecord.decode import decode, decode_file
from zenml.data.tfrecord.encode import EncodedBatch, encode_batch

__all__ = ["EncodedBatch", "decode", "decode_file", "encode_batch"]
