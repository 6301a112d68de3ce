"""PostgreSQL, read through its ADBC driver: tables by ranges of their key in one snapshot, queries as a stream."""
