"""Tests of the formats of logs."""
