"""Tests of `aggregates.estimates`."""
