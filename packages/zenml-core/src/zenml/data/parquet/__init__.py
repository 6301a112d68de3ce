"""Parquet files as shard jobs: cut by row group, typed by their own schema, checked and kept."""
