"""Tables whose source gives typed Arrow batches: their logical types, conversion, checks, and writing as snapshots."""
