"""Tests: a mirror of the packages, `promises/` end to end, `support/` for all."""
