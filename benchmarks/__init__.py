"""Measurements of what users wait for, beside the budget of each. Run them with `nox -s bench`."""
