"""Tests of `aggregates`, file by file."""
