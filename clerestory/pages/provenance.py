"""
Say where a release comes from and how a stranger checks it, without trusting this page.

A page can claim anything, this one too: what counts is the signature over the sums of all
files of the bundle.  So the page gives the commands, and calls its own hashes claims that
those commands confirm.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from privacy.plan import Plan
from privacy.views import SHOWN

from .cell import Group
from .markup import Child, Element, tag
from .wording import counted, name_of, number, significant

_TIERS = {
    "T2": "T2: namespaces and a seal of its own on each worker",
    "T1": "T1: a seal of its own on each worker",
    "T0": "T0: no isolation",
}
_TOLD = frozenset({
    "watermarks", "rater_note", "approvals", "floor", "runs", "mounted", "host", "anchors", "drift",
})  # fmt: skip
"""Facts that have a place of their own on the page."""

_COMMANDS = """\
# in the bundle's folder: every file is the one that was signed
sha256sum -c SHA256SUMS
# the sums were signed by the key with the fingerprint that is printed
ssh-keygen -Y check-novalidate -n clerestory-bundle -s SHA256SUMS.sig < SHA256SUMS
# all of it, with approvals, budget and ledger
clerestory verify . --trust KEEPER.pub"""


def checking(facts: Mapping[str, object]) -> list[Element]:
    """How to check the file oneself, as paragraphs and commands."""
    signer = facts.get("signer")
    known: Child = (
        ("The bundle is said to be signed by the key ", tag("code", str(signer)), ". ")
        if signer
        else None
    )
    return [
        tag(
            "p",
            "This page is one file of a signed bundle. Nothing it says about itself proves "
            "anything; these commands do.",
        ),
        tag("pre", tag("code", _COMMANDS), tabindex="0"),
        tag(
            "p",
            known,
            "Compare the fingerprint with one that you got from the organisation by another "
            "way: a signature tells that a key signed, not whose key it is.",
        ),
    ]


def provenance(plan: Plan, groups: Sequence[Group], facts: Mapping[str, object]) -> list[Element]:
    """Hashes, custody, approvals and the price of each measurement, as tables."""
    return [
        *_listing("The release", _release(plan, groups, facts)),
        *_approvals(facts.get("approvals")),
        *_runs(facts),
        *_floor(facts.get("floor")),
        tag("h3", "What each measurement cost"),
        _measurements(plan),
    ]


def _release(
    plan: Plan, groups: Sequence[Group], facts: Mapping[str, object]
) -> list[tuple[str, str]]:
    cells = [cell for group in groups for cell in group.cells]
    printed = sum(cell.published for cell in cells)
    pairs = [
        ("study", plan.study.name),
        ("authors", ", ".join(plan.study.authors)),
        ("plan (SHA-256)", plan.hash),
        ("rater", f"{plan.rater.name} {plan.rater.version}, fidelity {plan.rater.fidelity}"),
        ("shown to the rater", SHOWN[plan.rater.view]),
        ("model asked", plan.rater.model),
        ("endpoint", plan.rater.endpoint),
        (
            "expected before any data",
            f"{number(plan.forecast.published)} of {counted(plan.forecast.cells, 'number')} printed"
            f"; there are {number(printed)} of {number(len(cells))}",
        ),
        (
            "most a rater can say of a session",
            f"{significant(plan.forecast.bits_per_session)} bits",
        ),
    ]
    held = {"codebook": plan.codebook, "prompts": plan.prompts}
    if plan.binding:
        held |= {
            "code": plan.binding.code,
            "floor hash": plan.binding.floor,
            "policy hash": plan.binding.policy,
            "vault": plan.binding.vault,
        }
    told = {key: _text(value) for key, value in facts.items() if key not in _TOLD}
    if "tier" in told:
        told["tier"] = _TIERS.get(told["tier"], told["tier"])
    pairs += [(name_of(key), value) for key, value in {**held, **told}.items()]
    return [(key, value) for key, value in pairs if value]


def _approvals(approvals: object) -> list[Element]:
    if not isinstance(approvals, Sequence) or isinstance(approvals, str) or not approvals:
        return []
    heading = "Who approved the plan"
    return [tag("h3", heading), _table(heading, approvals, ("name", "fingerprint", "time"))]


def _table(label: str, told: Sequence[object], columns: Sequence[str]) -> Element:
    """Mappings as rows, their values as they stand in the files."""
    rows = [
        tag("tr", [tag("td", tag("code", str(row.get(column, "")))) for column in columns])
        for row in told
        if isinstance(row, Mapping)
    ]
    heads = tag("tr", [tag("th", column, scope="col") for column in columns])
    return _scroll(tag("table", tag("thead", heads), tag("tbody", rows)), label)


def _runs(facts: Mapping[str, object]) -> list[Element]:
    """What the keeper says of its workers, and what that is worth."""
    runs = facts.get("runs")
    if not isinstance(runs, Sequence) or isinstance(runs, str) or not runs:
        return []
    heading = "The runs it is made of"
    told = {"host": facts.get("host")}
    far = any(isinstance(run, Mapping) and run.get("machine") for run in runs)
    elsewhere = ("machine",) if far else ()
    mounted = facts.get("mounted")
    if isinstance(mounted, Mapping):
        told |= {f"mounted into {name}": versions for name, versions in mounted.items()}
    return [
        tag("h3", heading),
        tag(
            "p",
            "An audit record: what the keeper says of its own workers, under its signature. It "
            "shows where parts contradict each other, and proves nothing against a keeper that "
            "lies. Every part of what was mounted stands with its hash in ",
            tag("code", "statement.json"),
            ".",
        ),
        _table(heading, runs, ("run", *elsewhere, "isolation", "probes", "model", "code")),
        *_listing(
            "On what they ran", [(key, _text(value)) for key, value in told.items() if value]
        ),
    ]


def _floor(floor: object) -> list[Element]:
    if not isinstance(floor, Mapping) or not floor:
        return []
    pairs = [(name_of(str(key)), _text(value)) for key, value in floor.items()]
    return _listing("The floor: terms of collection, which never change", pairs)


def _measurements(plan: Plan) -> Element:
    heads = ("measurement", "cells", "ρ", "noise (σ), in units of one account’s largest effect")
    rows = [
        tag(
            "tr",
            tag("th", name_of(query.name), scope="row"),
            tag("td", number(query.size), class_="number"),
            tag("td", significant(float(Fraction(query.rho))), class_="number"),
            tag("td", significant(query.sigma / query.sensitivity), class_="number"),
        )
        for query in plan.queries
    ]
    first, *others = heads
    top = [tag("th", first, scope="col")]
    top += [tag("th", head, scope="col", class_="number") for head in others]
    table = tag("table", tag("thead", tag("tr", top)), tag("tbody", rows))
    return _scroll(table, "What each measurement cost")


def _listing(heading: str, pairs: Sequence[tuple[str, str]]) -> list[Element]:
    entries = [(tag("dt", key), tag("dd", value)) for key, value in pairs]
    return [tag("h3", heading), tag("dl", entries, class_="facts")]


def _scroll(table: Element, label: str) -> Element:
    return tag("div", table, class_="scroll", role="region", tabindex="0", aria_label=label)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return significant(value, 6)
    if isinstance(value, Mapping):
        return "; ".join(f"{name_of(str(key))}: {_text(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(inner) for inner in value)
    return "" if value is None else str(value)
