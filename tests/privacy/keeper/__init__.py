"""Tests of `privacy.keeper`."""
