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
from privacy.keeper.verbs import Answer, all_verbs
from privacy.keeper.workshop import Progress


class Keeper:
    """One vault's keeper."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.verbs = desk, all_verbs()

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
            return handler(self.desk, request, progress)
        except (RefusedError, VerificationError) as refusal:
            self.desk.state.ledger.append("refusal", {"verb": verb, "code": refusal.code})
            refusal.at(verb)
            raise
        except ClerestoryError as error:
            error.at(verb)
            raise
