"""One file per promise of SECURITY.md, end to end."""
