"""Tables and queries of databases, read in one transaction in the order of a key, then kept as shard jobs."""
