"""Backends say how and where a pipeline runs: the four interfaces, and facades for whatever is installed."""
