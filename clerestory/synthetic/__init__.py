"""Synthetic sessions in the real log format, with their truth beside them."""

from .write import Summary, write_sessions

__all__ = ["Summary", "write_sessions"]
