"""Artifacts: their types, where they are kept, and how they are published."""
