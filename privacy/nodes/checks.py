"""
What a keeper believes of a node.

A report counts when a key that the policy names has signed it, about the very order that it
answers, and when it shows a worker that may be given something under floor and policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from privacy.errors import RefusedError, VerificationError
from privacy.floor import TIERS
from privacy.sandbox.launch import check_blocked, required
from privacy.sandbox.probes import Answer
from privacy.sandbox.tiers import Tier
from privacy.signing import fingerprint

from .messages import Custody, Order, Report, Result, digest, read, unreadable

_ANSWERS: Mapping[str, Answer] = {"blocked": "blocked", "absent": "absent"}
"""Whatever else a report says of a probe counts as open."""


@dataclass(frozen=True, slots=True)
class NodeWorker:
    """A worker on a node, whose report holds."""

    tier: Tier
    probes: dict[str, Answer]
    public_key: bytes
    host: dict[str, str]
    node: str
    """Fingerprint of the node's key."""
    custody: Custody
    document: bytes = b""
    """Evidence by hardware: no node of this version brings any."""


def check_report(
    order: Order,
    report: Report,
    signer: str,
    *,
    enrolled: frozenset[str],
    weakest: str,
    carrier: Custody,
) -> NodeWorker:
    """
    A worker that may be given what is wrapped to its key.

    Args:
        order: What was asked for.
        report: What came.
        signer: Whose key signed it.
        enrolled: Public keys of the policy's nodes.
        weakest: Tier that floor and policy demand.
        carrier: Custody of the courier on the keeper's machine.

    Raises:
        RefusedError: The node is none of the policy's, isolates too little, or a probe is open.
        VerificationError: The report is not about this order.
    """
    if signer not in enrolled:
        raise RefusedError(
            "NODE_NOT_ENROLLED",
            rule="Sealed work goes to machines whose keys the policy names.",
            found=f"a node with the key {fingerprint(signer)}.",
            remedy="have officers add it to the policy as a node, or take it off the cluster.",
        )
    asked = (order.nonce, order.worker, order.plan, order.code)
    if (report.nonce, report.worker, report.plan, report.code) != asked:
        raise VerificationError(
            "NODE_REPORT_STALE",
            rule="A node's report is about the worker that was just ordered, and its code.",
            found="a report of another time, plan, worker or code.",
            remedy="do not trust what carries for you; run one version everywhere.",
        )
    if TIERS.index(report.tier) < TIERS.index(weakest):
        raise RefusedError(
            "NODE_TIER_TOO_LOW",
            rule=f"Under floor and policy a worker is isolated at {weakest} or better.",
            found=f"a node that offers {report.tier}.",
            remedy="run `clerestory doctor` on the node: it names what is missing.",
        )
    tier = Tier[report.tier]
    if {probe.name for probe in required(tier)} - report.probes.keys():
        raise unreadable()
    probes: dict[str, Answer] = {n: _ANSWERS.get(a, "open") for n, a in report.probes.items()}
    check_blocked(tier, probes)
    both: Custody = "separate-user"
    if "same-user" in (report.custody, carrier):
        both = "same-user"
    key, host = bytes.fromhex(report.key), dict(report.host)
    return NodeWorker(tier, probes, key, host, fingerprint(signer), both)


def check_result(order: Order, signer: str, told: bytes, signature: bytes, answer: bytes) -> Result:
    """
    How the work ended, by the word of the node that did it.

    Raises:
        VerificationError: It is another node's word, about another order or another answer.
    """
    result, by = read(Result, told, signature)
    if (by, result.nonce, result.answer) != (signer, order.nonce, digest(answer)):
        raise VerificationError(
            "NODE_RESULT_FORGED",
            rule="A node signs what its worker said, for the order it was given.",
            found="a result by another node, for another order, or that was changed.",
            remedy="do not trust what carries for you; no number of this run was released.",
        )
    return result
