"""TFRecord files of other writers as shard jobs: a file a shard, typed by a sample of records, checked and kept."""
