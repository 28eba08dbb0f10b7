"""
The command line, the demo, synthetic sessions and pages: all that puts the parts together.

Read in this order: `workshop` (which workers there are), `cli` (what can be said), `demo`.
"""

__version__ = "0.3.0"
