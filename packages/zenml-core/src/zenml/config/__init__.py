"""The repository: its root, its settings, and what git says of it."""
