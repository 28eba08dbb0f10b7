"""
What a run can say for itself: a statement, signed with the bundle.

It is an audit record, not evidence by hardware: whoever holds the keeper's key could sign
another one.  It shows inconsistency afterwards, and proves nothing against a lying operator.
What makes it worth having is how much has to agree: parts that make the code's hash, the code
that makes the plan's, runs that each name both, checkpoints that lie around the charge, and the
release before this one.  `consistency` goes through all of it.

It has the bundle's signature and no envelope of its own, so that `sha256sum` and `ssh-keygen`
are all that a stranger needs.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import rfc8785

from .errors import VerificationError
from .floor import Floor, Tier
from .plan import Plan

FORMAT = "clerestory/statement/2"
KIND = "audit record"
ANOTHER = "another"
"""In place of the name of a model that was not asked."""

WATERMARKS: Mapping[str, str] = {
    "single-person": "approved by its author",
    "synthetic": "synthetic data: nobody's sessions",
    "low-fidelity": "labels by a rater of low fidelity",
    "T0": "the workers were not isolated",
    "planted": "labels were planted, not rated",
    "dev": "collected under a floor for development",
}
"""Code → the words under which a release is read."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a worker that a release is made of, as it was before it had a key."""

    worker: Literal["classify", "aggregate"]
    plan: str
    """SHA-256 of the plan it ran: labels serve later plans, too."""
    tier: Tier
    code: str
    """SHA-256 of what was mounted."""
    probes: Mapping[str, str]
    """What the worker found it could not do, of all that its tier must block."""
    host: Mapping[str, str]
    asked: str
    """Model that the plan names; empty without one."""
    answered: str
    """Model that said it answered: the one that was asked, `ANOTHER`, or empty where none did."""
    key: str = ""
    """SHA-256 of the worker's public key: what `document` is bound to."""
    document: str = ""
    """Evidence by hardware, base64; empty where the floor demands none."""
    node: str = ""
    """Fingerprint of the key of the machine it ran on; empty: the keeper's own."""
    custody: str = ""
    """Of a node: whether what carries for it runs under users of its own."""

    @property
    def told(self) -> dict[str, Any]:
        """As JSON; what only nodes have is left out elsewhere, as before there were any."""
        told = asdict(self)
        return {k: v for k, v in told.items() if v or k not in ("node", "custody")}

    @property
    def canonical(self) -> bytes:
        """RFC 8785 form."""
        return rfc8785.dumps(self.told)


@dataclass(frozen=True, slots=True)
class Statement:
    """What the keeper says of a release."""

    plan: str
    floor: str
    policy: str
    codebook: str
    prompts: str
    code: str
    """SHA-256 over both workers: what the plan is bound to."""
    workers: Mapping[str, str]
    """Kind of worker → SHA-256 of what is mounted into it in this installation."""
    parts: Mapping[str, Mapping[str, str]]
    """SHA-256 of what was mounted → its parts (see `mounted`)."""
    runs: tuple[Run, ...]
    tier: Tier
    """The weakest of all runs."""
    custody: str
    """`same-user` or `separate-user`: of whoever asked, and of every node that worked."""
    planted: bool
    """Whether labels came with the vault, made up."""
    approvals: tuple[Mapping[str, str], ...]
    charged: str
    """When it was charged, ISO 8601: at that moment the approvals had to stand."""
    watermarks: tuple[str, ...]
    previous: str
    """SHA-256 of the SHA256SUMS of this vault's release before; empty for the first."""
    checkpoint_before: str
    """Signed note of the ledger before the charge."""
    checkpoint_after: str
    """And after the key was given."""
    kind: str = KIND
    format: str = FORMAT

    @property
    def canonical(self) -> bytes:
        """RFC 8785 form: the bytes of statement.json."""
        return rfc8785.dumps({**asdict(self), "runs": [run.told for run in self.runs]})


def watermarks(plan: Plan, floor: Floor, tier: str, *, planted: bool) -> list[str]:
    """Codes of the watermarks that a release must carry."""
    return [
        code
        for code, due in (
            ("single-person", floor.single_person),
            ("synthetic", floor.synthetic),
            ("low-fidelity", plan.rater.fidelity == "low"),
            ("T0", tier == "T0"),
            ("planted", planted),
            ("dev", floor.development),
        )
        if due
    ]


def answered_as(asked: str, answered: str) -> str:
    """
    The model that answered, in words of the plan.

    A name that comes out of a worker is text by somebody else, so only whether it is the one
    that was asked is kept.
    """
    return answered if answered in ("", asked) else ANOTHER


def read_run(data: bytes) -> Run:
    """
    Read a run's record.

    Raises:
        VerificationError: The bytes are none, or not in canonical form.
    """
    from pydantic import TypeAdapter, ValidationError  # late: `--help` does without

    try:
        run = TypeAdapter(Run).validate_json(data)
        if run.canonical == data:
            return run
    except (ValidationError, ValueError):
        pass
    raise _unreadable("the record of a run that was changed.")


def read_statement(data: bytes) -> Statement:
    """
    Read a statement.

    Raises:
        VerificationError: The bytes are none, not in canonical form, or of another version.
    """
    from pydantic import TypeAdapter, ValidationError  # late: `--help` does without

    try:
        told = TypeAdapter(Statement).validate_json(data)
        if told.canonical == data and (told.kind, told.format) == (KIND, FORMAT):
            return told
    except (ValidationError, ValueError):
        pass
    raise _unreadable("a statement that is none, or of another version.")


def _unreadable(found: str) -> VerificationError:
    return VerificationError(
        "STATEMENT_UNREADABLE",
        rule="A statement is canonical JSON that a keeper of this version wrote.",
        found=found,
        remedy="verify with the version that released the bundle, or get it again.",
    )
