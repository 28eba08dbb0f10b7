"""
What a server of the Messages API enforces, found out by asking it.

Promise: it is asked through the transport, the broker and the rater of a run, with a session that
is made up, so that what is probed is what runs and nothing of a person is sent; and what a server
says is never shown, but for its model's name.

Reading order: `asking` (a way to a server, and one question at a time), `questions` (what is
asked), `findings` (what follows for a study).
"""

from clerestory.probing.asking import asking
from clerestory.probing.findings import Findings, check_fit, words
from clerestory.probing.questions import probe

__all__ = ["Findings", "asking", "check_fit", "probe", "words"]
