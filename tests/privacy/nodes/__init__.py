"""The protocol between a keeper and nodes."""
