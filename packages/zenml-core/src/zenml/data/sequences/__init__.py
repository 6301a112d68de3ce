"""Sequences: sorted rows become cells on a grid of times, and cells become windows of equal length."""

from __future__ import annotations
