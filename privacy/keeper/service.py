"""
The keeper as others see it: verbs in, answers or refusals out.

A refusal is written into the ledger before it is told.
"""

from privacy.errors import (
    ClerestoryError,
    ConfigurationError,
    RefusedError,
    VerificationError,
)
from privacy.keeper.desk import Desk, Request
from privacy.keeper.erasure import resume
from privacy.keeper.roles import check_may_ask
from privacy.keeper.verbs import Answer, all_verbs
from privacy.keeper.workshop import Progress


class Keeper:
    """One vault's keeper."""

    def __init__(self, desk: Desk) -> None:
        """
        Take up the work: what a crash broke off is ended first, what may be kept no longer goes.

        Raises:
            ClerestoryError: That cannot be done; nothing is served over it.
        """
        self.desk, self.verbs = desk, all_verbs()
        resume(desk)

    def ask(self, verb: str, request: Request, progress: Progress) -> Answer:
        """
        Answer one request.

        Raises:
            ClerestoryError: Whatever rule says no, and at which step; what was refused, or did not
                verify, is in the ledger.
        """
        handler = self.verbs.get(verb)
        if handler is None:
            raise ConfigurationError(
                "VERB_UNKNOWN",
                rule="The keeper answers what its version knows.",
                found="another verb.",
                remedy="use the command line of the same version as the keeper.",
            )
        try:
            # Only the server writes `custody` and `asking_as`: the kernel's word, and a key's.
            if request.get("custody") != "same-user":
                check_may_ask(str(request.get("asking_as")), verb)
            return handler(self.desk, request, progress)
        except (RefusedError, VerificationError) as refusal:
            refusal.at(verb)
            if not refusal.code.startswith("LEDGER_"):  # one that does not hold is left as it is
                self.desk.state.ledger.append("refusal", {"verb": verb, "code": refusal.code})
            raise
        except ClerestoryError as error:
            error.at(verb)
            raise
