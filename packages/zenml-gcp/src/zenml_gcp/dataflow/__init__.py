"""Shard jobs as Apache Beam pipelines on Google Cloud Dataflow."""
