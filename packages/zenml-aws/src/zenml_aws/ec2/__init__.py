"""Pipelines on EC2: what is rendered, made, watched and cleaned up for one instance per run."""
