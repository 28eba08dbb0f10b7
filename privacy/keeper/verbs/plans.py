"""
A plan's way from the researcher's hands through the officers'.

A plan is held against the floor, the policy, the codebook and the keeper's own code each time
it is used, not only when it was submitted.  What may happen to it, `standing` says.
"""

from collections.abc import Mapping
from functools import partial

from privacy.admission import check_plan
from privacy.approvals import ACTS, REASONS, Act
from privacy.keeper.desk import Desk, Request
from privacy.keeper.journal import Journal
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.workshop import Progress
from privacy.label_sets import label_set
from privacy.plan import Plan, read_plan
from privacy.spending import MICRODOLLARS, rounded_up
from privacy.standing import REOPENED


def submit(desk: Desk, request: Request, _: Progress) -> Answer:
    """Take in a plan: bind it to this vault, floor, policy and code."""
    given = read_plan(str(request["plan"]).encode())
    latest = desk.latest(given)
    if latest is None or desk.standing(latest) in REOPENED:
        former = latest.binding.submission if latest and latest.binding else 0
        latest = desk.bind(given, former + 1)
    check_plan(latest, desk.floor, desk.policy, desk.codebook)
    desk.check_never_closed(given)
    if desk.standing(latest) == "draft":
        desk.state.save_plan(latest)
        body = {"plan": latest.hash, "study": latest.study.name, "rho": str(latest.loss)}
        desk.state.ledger.append("plan", body)
    return shown(desk, latest)


def show(desk: Desk, request: Request, _: Progress) -> Answer:
    """The bound plan of an unbound one: what an officer signs."""
    return shown(desk, desk.find(request))


def approve(desk: Desk, request: Request, _: Progress) -> Answer:
    """Take in an officer's signature over a bound plan; a second one of his adds nothing."""
    act, plan, signature = ACTS["approve"], desk.find(request), str(request["signature"])
    desk.check_current(plan)
    officer = desk.check_act(act, plan, signature)
    before = desk.state.ledger.entries(act.entry)
    if not any((e.body["plan"], e.body["officer"]) == (plan.hash, officer.key) for e in before):
        body = {
            "plan": plan.hash,
            "officer": officer.key,
            "signature": signature,
            "signed": desk.now.isoformat(timespec="seconds"),
        }
        desk.state.ledger.append(act.entry, body)
    return shown(desk, plan)


def close(act: Act, desk: Desk, request: Request, _: Progress) -> Answer:
    """Return, reject, withdraw or revoke a plan, with the signature of whoever may."""
    plan, signature = desk.find(request), str(request["signature"])
    reason = str(request.get("reason", ""))
    person = desk.check_act(act, plan, signature, reason)
    who = "author" if act.event == "withdraw" else "officer"
    why = {"reason": reason} if act.reasoned else {}
    body = {"plan": plan.hash, who: person.key, "signature": signature, **why}
    desk.state.ledger.append(act.entry, body)
    return shown(desk, plan)


def shown(desk: Desk, plan: Plan) -> Answer:
    """A plan and where it stands."""
    return {
        "plan": plan.hash,
        "standing": desk.standing(plan),
        "bound": plan.canonical.decode(),
        **reason_of(desk, plan),
        **money_of(desk, plan),
    }


def money_of(desk: Desk, plan: Plan) -> Answer:
    """What the plan's labels have cost so far, whichever plan they were made for, and its cap."""
    if plan.spending is None:
        return {}
    spent = Journal(desk.state.database, label_set(plan, desk.floor.hash)).spent()
    told = {"dollars": rounded_up(spent.total), "dollars_lost": rounded_up(spent.lost)}
    cap = plan.spending.cap
    return told if cap is None else {**told, "dollars_cap": f"{cap / MICRODOLLARS:.2f}"}


def reason_of(desk: Desk, plan: Plan) -> Answer:
    """Why an officer closed a plan, if he had to say."""
    for entry in desk.state.ledger.entries():
        if entry.body.get("plan") == plan.hash and "reason" in entry.body:
            return {"reason": entry.body["reason"], "words": REASONS[entry.body["reason"]]}
    return {}


VERBS: Mapping[str, Verb] = {
    "submit": submit,
    "plan": show,
    "approve": approve,
    **{event: partial(close, act) for event, act in ACTS.items() if event != "approve"},
}
