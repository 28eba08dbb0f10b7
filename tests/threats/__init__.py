"""Tests of threats that no single promise answers: see docs/threats.md."""
