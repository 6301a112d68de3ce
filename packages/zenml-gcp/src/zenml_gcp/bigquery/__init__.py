"""BigQuery as a datasource: tables and queries, read as Arrow by the Storage Read API."""

from __future__ import annotations
