"""A user's own package, kept in their repository."""
