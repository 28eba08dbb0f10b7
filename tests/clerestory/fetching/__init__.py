"""Fetching from the Compliance API, against a server that speaks it."""
