"""The two runs of an approved plan."""

from base64 import b64encode
from collections.abc import Mapping

from privacy.errors import RefusedError
from privacy.keeper.bundles import stored_bundle
from privacy.keeper.desk import Desk, Request
from privacy.keeper.egress import endpoint_key
from privacy.keeper.erasure import tend
from privacy.keeper.listeners import check_listener
from privacy.keeper.releasing import Releasing
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.verbs.plans import shown
from privacy.keeper.workshop import Progress
from privacy.plan import Plan
from privacy.raters import asks
from privacy.retention import check_kept, today


def classify(desk: Desk, request: Request, progress: Progress) -> Answer:
    """Label the sessions of an approved plan's months."""
    plan = desk.find(request)
    desk.check_may_run(plan)
    tend(desk, progress)
    check_kept(plan, desk.floor, today())
    if asks(plan.rater.name) and desk.scheduled("classify"):
        raise RefusedError(
            "NODES_ASK_NOBODY",
            rule="A rater that asks a model runs beside the keeper, which has the key and the way "
            "out.",
            found="a plan with such a rater, and a scheduler that carries classification.",
            remedy='leave "classify" out of `carries` in keeper.toml, and restart the keeper.',
        )
    secret = b""
    if asks(plan.rater.name):
        given = str(request.get("secret", ""))
        secret = endpoint_key(given, desk.state.folder, plan.rater.endpoint)
        place = desk.policy.endpoint_of(plan.rater)
        check_listener(plan.rater.endpoint, place.owner if place else "")
    _check_near(desk, plan)
    for run in (desk.labelling(plan, secret), *desk.readings(plan, secret)):
        run.run(progress)
    return shown(desk, plan)


def release(desk: Desk, request: Request, progress: Progress) -> Answer:
    """Make the one release of an approved plan, or give the stored one again."""
    plan = desk.find(request)
    files = stored_bundle(desk.state, plan.hash)
    if files is None:
        approvals = desk.check_may_run(plan)
        tend(desk, progress)
        check_kept(plan, desk.floor, today())
        _check_near(desk, plan)
        for run in (desk.labelling(plan), *desk.readings(plan)):
            run.check_complete()
        files = Releasing(
            desk.vault,
            desk.floor,
            desk.state,
            desk.policy,
            plan,
            desk.workshop,
            desk.tier,
            str(request["custody"]),
            approvals,
            desk.scheduled("aggregate"),
        ).run(progress)
    encoded = {name: b64encode(data).decode() for name, data in files.items()}
    return {**shown(desk, plan), "files": encoded}


VERBS: Mapping[str, Verb] = {"classify": classify, "release": release}


def _check_near(desk: Desk, plan: Plan) -> None:
    """Refuse a second reading beyond the keeper's machine, before anything is spent on it."""
    if plan.readings and (desk.scheduled("classify") or desk.scheduled("aggregate")):
        raise RefusedError(
            "NODES_READ_ONCE",
            rule="A second reading is made, and joined with the first, beside the keeper.",
            found="a plan with such a reading, and a scheduler that carries a run of it.",
            remedy="leave both kinds out of `carries` in keeper.toml, and restart the keeper.",
        )
