"""
Who may do what: people, and the policy that names them.

Until the first plan is submitted the keeper's user enrols people.  From then on the policy
changes by its officers' signatures only: who could add an officer alone could approve alone.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from privacy.changes import (
    PROPOSAL,
    Change,
    check_change,
    check_endorsement,
    endorsements_of,
    needed,
)
from privacy.errors import ConfigurationError, RefusedError
from privacy.keeper.desk import Desk, Request
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.workshop import Progress
from privacy.policy import ROLES, Person, Policy, read_policy
from privacy.signing import fingerprint, read_public
from privacy.vault import POLICY, replace_file


def enrol(desk: Desk, request: Request, _: Progress) -> Answer:
    """Give somebody a role, as long as no plan was submitted."""
    role = str(request.get("role", "officer"))
    if role not in ROLES:
        raise ConfigurationError(
            "ROLE_UNKNOWN",
            rule="A key is an officer's, a custodian's, a researcher's or a node's.",
            found="another role.",
            remedy=f"choose one of: {', '.join(ROLES)}.",
        )
    if next(desk.state.ledger.entries("plan"), None) is not None:
        raise RefusedError(
            "ENROLMENT_CLOSED",
            rule="After the first plan the policy changes by two officers only.",
            found="an enrolment in a vault whose first plan was submitted.",
            remedy="propose a policy that names the person: `clerestory policy propose`.",
        )
    person = Person(str(request["name"]), read_public(str(request["key"])))
    policy = desk.policy
    if person not in getattr(policy, role):
        if any(known.folded == person.folded or known.key == person.key for known in policy.people):
            raise RefusedError(
                "PERSON_TWICE",
                rule="One person, one name, one key: so that two approvals are two people.",
                found="a name or a key that is enrolled already.",
                remedy="enrol another person, with a key and a name of his own.",
            )
        _adopt(desk, policy.with_person(role, person))
    return {"name": person.name, "role": role, "fingerprint": fingerprint(person.key)}


def policy(desk: Desk, _: Request, __: Progress) -> Answer:
    """The policy in force, and changes of it that were proposed."""
    in_force, entries = desk.policy, list(desk.state.ledger.entries())
    pending = {}
    for entry in entries:
        # One that replaces another policy than this, or this one at another time, has passed.
        if (
            entry.kind == PROPOSAL
            and (change := _next(desk, entry.body)).hash == entry.body["change"]
        ):
            pending[change.hash] = {
                "change": change.hash,
                "policy": change.policy.hash,
                "proposed": change.proposed,
                "text": entry.body["text"],
                "signed": _names(in_force, endorsements_of(change, entries, in_force)),
                "stands": change.stands(in_force.approval_days, desk.now),
            }
    return {
        "hash": in_force.hash,
        "number": _number(desk),
        "needed": needed(in_force, desk.floor),
        "text": in_force.to_toml(desk.floor),
        "pending": list(pending.values()),
    }


def endorse(desk: Desk, request: Request, _: Progress) -> Answer:
    """Take in an officer's signature of a change of policy; adopt it when enough have signed."""
    change, signature, in_force = _next(desk, request), str(request["signature"]), desk.policy
    check_change(change, in_force, desk.floor, desk.now)
    officer = check_endorsement(change, signature, in_force)
    signed = endorsements_of(change, desk.state.ledger.entries(), in_force)
    if officer.key not in signed:
        signed[officer.key] = signature
        body = {
            "change": change.hash,
            "proposed": change.proposed,
            "text": change.policy.to_toml(desk.floor),
            "officer": officer.key,
            "signature": signature,
        }
        desk.state.ledger.append(PROPOSAL, body)
    missing = max(0, needed(in_force, desk.floor) - len(signed))
    if not missing:
        more = {"proposed": change.proposed, "signatures": "".join(signed.values())}
        _adopt(desk, change.policy, **more)
    return {
        "change": change.hash,
        "policy": change.policy.hash,
        "adopted": not missing,
        "signed": _names(in_force, signed),
        "missing": missing,
    }


def _next(desk: Desk, told: Mapping[str, Any]) -> Change:
    """The change that a request or an entry speaks of, as the next step of this vault."""
    return Change(
        vault=desk.floor.vault,
        previous=desk.policy.hash,
        number=_number(desk),
        proposed=_day(str(told["proposed"])),
        policy=read_policy(str(told["text"]), desk.floor),
    )


def _number(desk: Desk) -> int:
    return sum(1 for _ in desk.state.ledger.entries("policy"))


def _names(policy: Policy, signed: Mapping[str, str]) -> list[str]:
    return [officer.name for officer in policy.officer if officer.key in signed]


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ConfigurationError(
        "DAY_UNREADABLE",
        rule="A change of policy says on which day it was proposed.",
        found="something else than a day like 2026-01-31.",
        remedy="use the command line of the same version as the keeper.",
    )


def _adopt(desk: Desk, policy: Policy, **more: str) -> None:
    text = policy.to_toml(desk.floor)
    read_policy(text, desk.floor)
    desk.state.ledger.append("policy", {"hash": policy.hash, "text": text, **more})
    replace_file(desk.vault.folder / POLICY, text.encode())


VERBS: Mapping[str, Verb] = {"enrol": enrol, "policy": policy, "endorse": endorse}
