"""Other libraries on the same work; each runs in a process of its own, where it is installed."""
