"""
What the keeper is given by the composition root: which workers there are, how to bundle.

`privacy` imports nothing of ours, so the names of the workers' modules and the function that
writes a bundle come in from outside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from privacy.mounted import both_hash
from privacy.plan import Plan
from privacy.sandbox.manifest import CodeManifest

Compose = Callable[[Plan, bytes, Mapping[str, bytes]], dict[str, bytes]]
"""(bound plan, the aggregate worker's answer, further files) → files of a bundle, unsigned.
It refuses an answer that is not exactly the tables of the plan."""

Progress = Callable[[str, float], None]
"""(what is being done, share done): never a count of people or sessions."""


@dataclass(frozen=True, slots=True)
class WorkerKind:
    """One kind of worker: its module, and exactly the code that is mounted for it."""

    module: str
    code: CodeManifest


@dataclass(frozen=True, slots=True)
class Workshop:
    """The two workers and the bundler."""

    classify: WorkerKind
    aggregate: WorkerKind
    compose: Compose

    @property
    def code(self) -> str:
        """SHA-256 over what both workers mount: bound into every plan."""
        return both_hash(self.classify.code.hash, self.aggregate.code.hash)

    def check_unchanged(self) -> None:
        """
        Refuse files that are not those that were hashed when the keeper started.

        Raises:
            RefusedError: Names the parts that were changed.
        """
        for kind in (self.classify, self.aggregate):
            kind.code.check_unchanged()
