"""
Set a demo's release against its truth, and part the difference in rater's error and noise.

Three values stand behind a cell: what was planted in the sessions, what the rater's labels say
without noise, and what was released.  The middle one needs the labels in clear, which the
keeper's key opens; that is done for a vault whose floor says synthetic, and refused otherwise.
"""

import csv
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from aggregates.exact import of_right_labels, unsafe_exact_tables
from clerestory.pages.truth import render_truth
from privacy.codebook import MONTHS, Codebook, codebook
from privacy.errors import ConfigurationError, RefusedError
from privacy.label_sets import label_set
from privacy.labels import PSEUDONYM_BYTES, SESSION_KEY_BYTES, LabelRecord, pack_bucket
from privacy.plan import Plan, read_plan
from privacy.sealing import KeyPair, SealedBlob, floor_info
from privacy.vault import Vault

PER_PROMPT = {"actions_per_prompt": "actions", "words_per_prompt": "words_out"}


def write_truth(demo: Path, vault: Path, state: Path, plan: Path, bundle: Path) -> Path:
    """
    Write the page of truth against release.

    Args:
        demo: Folder with truth.csv; the page goes here.
        vault: The demo's vault.
        state: Its keeper's state.
        plan: The plan that was released.
        bundle: The release.

    Returns:
        The page's path.

    Raises:
        RefusedError: The vault is not synthetic.
    """
    book, asked = codebook(), read_plan(plan.read_bytes())
    if asked.readings:
        raise ConfigurationError(
            "TRUTH_READ_ONCE",
            rule="Tables are held against planted labels, of which each session has one set.",
            found="a plan with a second reading, whose labels nobody planted.",
            remedy="compile the study without it.",
        )
    with (bundle / "tables.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labelled = unsafe_exact_tables(asked, unsafe_open_labels(Vault.open(vault), state, asked), book)
    right = unsafe_exact_tables(asked, [_planted(demo / "truth.csv", book)], book)
    planted = of_right_labels(right)
    page = demo / "truth.html"
    page.write_bytes(render_truth(asked, rows, labelled, planted))
    return page


def unsafe_open_labels(vault: Vault, state: Path, plan: Plan) -> Iterator[bytes]:
    """
    Open the label buckets of a synthetic vault.

    Raises:
        RefusedError: The vault is not synthetic.
    """
    floor = vault.floor
    if not floor.synthetic:
        raise RefusedError(
            "LABELS_STAY_SEALED",
            rule="Nobody looks at labels, unless the floor says that nobody's sessions are behind.",
            found="a vault that is not synthetic.",
            remedy="read the release; that is what it is for.",
        )
    key = KeyPair.from_secret((state / "sealing.key").read_bytes())
    for path in sorted(vault.label_folder(label_set(plan, floor.hash)).glob("*.sealed")):
        blob = SealedBlob.decode(path.read_bytes())
        yield blob.open(key.open(blob.wrapped, info=floor_info(floor.hash, "labels")))


def _planted(truth: Path, book: Codebook) -> bytes:
    """The planted labels of all sessions as one bucket."""
    with truth.open(encoding="utf-8", newline="") as file:
        return pack_bucket(_row(session, book) for session in csv.DictReader(file))


def _row(session: Mapping[str, str], book: Codebook) -> tuple[bytes, bytes]:
    blank = LabelRecord.unrated(
        book,
        status="rated",
        month=session["month"] if session["month"] in MONTHS else "unknown",
        account=_digest(session["account"], PSEUDONYM_BYTES),
    )
    labels = {
        field.name: session.get(field.name) or field.labels[position]
        for field, position in zip(book.fields, blank.labels, strict=True)
    }
    prompts = float(session["prompts"])
    measures = {
        measure.name: float(session.get(measure.name) or 0)
        if measure.name not in PER_PROMPT
        else float(session[PER_PROMPT[measure.name]]) / prompts
        if prompts
        else 0.0
        for measure in book.measures
    }
    labels["model_calls"] = "0"  # a count in truth.csv, a band in a record; no table asks for it
    record = LabelRecord.of(book, labels, measures, blank.account)
    return _digest(session["session_id"], SESSION_KEY_BYTES), record.encode()


def _digest(name: str, size: int) -> bytes:
    return sha256(name.encode()).digest()[:size]
