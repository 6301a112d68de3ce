"""Metadata: what every run did, in the schema of ML Metadata."""
