"""
Exact sums of label buckets, made on nodes and sealed to the worker that will draw the noise.

Nobody between sees a number: the keeper wraps a bucket's data key to one worker on one node, and
what that worker says opens with the ephemeral key of the aggregate worker beside the keeper, and
as the sums of this very bucket only.  That worker is told which buckets there are, and counts
each once; a bucket that was given out twice, since its first node was lost, has come back once.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from privacy.errors import IncompleteError
from privacy.keeper.nodes import Nodes
from privacy.keeper.state import State
from privacy.nodes.checks import NodeWorker
from privacy.sealing import SealedBlob, floor_info
from privacy.tasks import Task


@dataclass(frozen=True, slots=True)
class Summing:
    """One run's buckets, by their numbers, and the nodes that sum them."""

    nodes: Nodes
    state: State
    floor: str
    """SHA-256 of the vault's floor."""
    buckets: Mapping[int, SealedBlob]

    @property
    def expected(self) -> Task:
        """What the last worker is told: which sums will come."""
        return Task(partials={str(number): blob.digest for number, blob in self.buckets.items()})

    def sums(self, recipient: bytes) -> Iterator[bytes]:
        """
        The buckets' sums, each once, as they come.

        Args:
            recipient: Public key of the worker that will open them.

        Raises:
            RefusedError, VerificationError: A node's report or result does not hold.
            IncompleteError: A worker ended on a bucket, or nodes were lost too often.
        """
        with ThreadPoolExecutor(self.nodes.hands) as pool:
            summed = [pool.submit(self._sum, blob, recipient) for blob in self.buckets.values()]
            try:
                for one in as_completed(summed):
                    yield one.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.nodes.hang_up()  # whoever is still waiting for a node is told
                raise

    def _sum(self, blob: SealedBlob, recipient: bytes) -> bytes:
        task = Task(recipient)
        at_rest, info = floor_info(self.floor, "labels"), task.info(self.nodes.plan.hash)

        def asking(worker: NodeWorker) -> list[bytes]:
            mine = self.state.ring.of(blob)
            given = blob.rewrap(mine, worker.public_key, at_rest=at_rest, in_run=info)
            return [task.encode(), given.encode()]

        answer = self.nodes.ask(asking) or b""
        if len(answer) <= 1:
            raise ended(answer)
        return answer


def ended(answer: bytes) -> IncompleteError:
    """What is said of an aggregate worker without an answer, wherever it ran."""
    return IncompleteError(
        "WORKER_ENDED",
        rule="A charge buys one answer of the aggregate worker.",
        found=f"no answer (code {answer.hex() or 'none'}); the charge stays.",
        remedy="look at the machine's memory, then ask again: that is a new charge.",
    )
