"""
What the keeper is given by the composition root: which workers there are, how to bundle.

`privacy` imports nothing of ours, so the names of the workers' modules and the function that
writes a bundle come in from outside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from privacy.mounted import both_hash
from privacy.plan import Plan, Rater
from privacy.raters import asks
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
    broker: str = ""
    """File in the code that relays for it; empty for a worker that has no way out."""


@dataclass(frozen=True)
class Workshop:
    """The workers and the bundler."""

    classify: WorkerKind
    aggregate: WorkerKind
    compose: Compose
    find_asking: Callable[[], WorkerKind] | None = None
    """Finds and hashes the classify worker that speaks with a model, when a plan wants it."""

    @cached_property
    def asking(self) -> WorkerKind:
        """The classify worker whose raters ask somebody: with the libraries for that."""
        return self.find_asking() if self.find_asking else self.classify

    def classifying(self, rater: Rater) -> WorkerKind:
        """The classify worker for a rater: who asks nobody mounts nothing to ask with."""
        return self.asking if asks(rater.name) else self.classify

    def code(self, rater: Rater) -> str:
        """SHA-256 over what both workers of a plan with this rater mount: bound into it."""
        return both_hash(self.classifying(rater).code.hash, self.aggregate.code.hash)

    def check_unchanged(self, rater: Rater) -> None:
        """
        Refuse files that are not those that were hashed for plans with this rater.

        Raises:
            RefusedError: Names the parts that were changed.
        """
        for kind in (self.classifying(rater), self.aggregate):
            kind.code.check_unchanged()
