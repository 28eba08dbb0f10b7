"""Who may do what: officers, and the policy that names them."""

from collections.abc import Mapping

from privacy.errors import RefusedError
from privacy.keeper.desk import Desk, Request
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.workshop import Progress
from privacy.policy import Person, read_policy
from privacy.signing import fingerprint, read_public
from privacy.vault import POLICY, replace_file


def enrol(desk: Desk, request: Request, _: Progress) -> Answer:
    """Make somebody an officer, as long as no plan was submitted."""
    if next(desk.state.ledger.entries("plan"), None) is not None:
        raise RefusedError(
            "ENROLMENT_CLOSED",
            rule="After the first plan the policy changes by two officers only.",
            found="an enrolment in a vault whose first plan was submitted.",
            remedy="that change is not there yet in this version; enrol before submitting.",
        )
    person = Person(str(request["name"]), read_public(str(request["key"])))
    policy = desk.policy
    if person not in policy.people:
        if any(known.name == person.name or known.key == person.key for known in policy.people):
            raise RefusedError(
                "PERSON_TWICE",
                rule="One person, one name, one key: so that two approvals are two people.",
                found="a name or a key that is enrolled already.",
                remedy="enrol another person, with a key and a name of his own.",
            )
        policy = policy.with_officer(person)
        text = policy.to_toml()
        read_policy(text, desk.floor)
        desk.state.ledger.append("policy", {"hash": policy.hash, "text": text})
        replace_file(desk.vault.folder / POLICY, text.encode())
    return {"officer": person.name, "fingerprint": fingerprint(person.key)}


VERBS: Mapping[str, Verb] = {"enrol": enrol}
