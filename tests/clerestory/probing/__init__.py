"""Tests of `clerestory.probing`."""
