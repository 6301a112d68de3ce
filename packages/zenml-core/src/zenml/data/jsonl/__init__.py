"""JSON lines (one object a line, UTF-8) as shard jobs: cut at line ends, typed by a sample, parsed, and checked."""
