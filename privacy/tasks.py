"""
What a worker is told before its work, where it does not work for the keeper beside it alone.

Without a task a worker answers down the pipe to the keeper that started it.  A worker on another
machine is told a *recipient*: the public key of somebody who alone may open its answer.  Whoever
carries the task could write another key into it; so the contexts (HPKE's `info`) name the
recipient.  The keeper wraps a data key for a task and its recipient, and a worker that was told
another one opens nothing.

What comes back is sealed in a context as well, of the plan and of the very bytes that it answers:
an answer about one bucket does not open as an answer about another, or about this one in another
study.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import rfc8785

from .errors import RefusedError
from .sealing import PUBLIC_BYTES, run_info

MAGIC = b"CLT1"
"""What a task begins with; a sealed blob begins otherwise."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a worker beside its plan."""

    recipient: bytes = b""
    """Public key to which the answer is sealed; empty: the keeper at the other end of the pipe."""
    partials: Mapping[str, str] = field(default_factory=dict)
    """Number of a bucket → digest of its blob: what the sums that will follow are of, each once."""

    def encode(self) -> bytes:
        """The task as the first frame of the work."""
        partials = dict(self.partials)
        return MAGIC + rfc8785.dumps({"recipient": self.recipient.hex(), "partials": partials})

    @classmethod
    def decode(cls, frame: bytes) -> "Task | None":
        """
        A first frame's task, or None where it is something else.

        Raises:
            RefusedError: It begins as a task, and is none.
        """
        if not frame.startswith(MAGIC):
            return None
        try:
            told = json.loads(frame[len(MAGIC) :])
            task = cls(bytes.fromhex(told["recipient"]), told["partials"])
            if task.encode() == frame and len(task.recipient) in (0, PUBLIC_BYTES):
                return task
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise RefusedError(
            "TASK_UNREADABLE",
            rule="A worker is told its task in canonical form, by a keeper of its own version.",
            found="a first frame that is no task.",
            remedy="run the same version on the keeper's machine and on its nodes.",
        )

    def info(self, plan: str) -> bytes:
        """HPKE context of what the worker is given: the plan, and who is to have the answer."""
        if not self.recipient:
            return run_info(plan)
        return f"clerestory/task/1\0{plan}\0{sha256(self.recipient).hexdigest()}".encode()


def sums_info(plan: str, number: str, digest: str) -> bytes:
    """
    HPKE context of one bucket's sums.

    Args:
        plan: SHA-256 of the bound plan.
        number: The bucket's number, as its header has it.
        digest: Digest of the bucket's blob, which covers header and content.
    """
    return f"clerestory/sums/1\0{plan}\0{number}\0{digest}".encode()


def rows_info(plan: str, digests: Iterable[str]) -> bytes:
    """HPKE context of a batch's records: the plan, and digests of the sessions as they came."""
    batch = sha256("\n".join(digests).encode()).hexdigest()
    return f"clerestory/rows/1\0{plan}\0{batch}".encode()
