"""Tests of the package `classifiers`."""
