"""Tests of the raters."""
