"""The data plane: schemas, statistics, shard jobs, snapshots, the TFRecord codec and transforms."""
