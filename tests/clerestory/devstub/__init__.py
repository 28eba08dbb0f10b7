"""Tests of the package clerestory."""
