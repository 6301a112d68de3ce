"""CSV files (RFC 4180, UTF-8) as shard jobs: cut at row borders, typed by a sample, parsed, checked and kept."""
