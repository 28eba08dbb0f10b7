"""
One input's whole way: worker, edge, worker again, and the custodian's look at it.

What must hold is said once, here, for the tests and for the fuzzer: a record or a reason of the
closed list; nothing raised that is not meant; no byte of what was put in, in any error, log, repr
or label.  That is seen by a mark which stands all over the inputs.
"""

import io
import json
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from classifiers import worker
from classifiers.edge import LARGEST, RunMemory, Tally, read_source
from classifiers.edge_telemetry import read_telemetry
from classifiers.raters.offline import OfflineRater
from classifiers.rendering import View
from classifiers.sessions import REASONS, Session, UnreadableError
from classifiers.telemetry import ABSENT, wrote_code
from clerestory.inspecting import inspect
from privacy.codebook import codebook
from privacy.labels import LabelRecord
from tests.classifiers.logs import agent, log, person

MARK = "Qzxv"
"""Short, so that it survives when strings around it are cut; in no word of ours."""
ACCOUNT, MONTH = bytes(16), "2026-02"
SOUND = log(person("sound", sessionId="sound"), agent("well", sessionId="sound"))
"""A log that lies beside the input: whatever that is, this one is read."""
INPUT, BESIDE = "input", "beside"


class Broken(BaseException):
    """
    A promise is broken.  No product code catches it, since it is no `Exception`.

    Args:
        what: Which promise, without a word of the input.
    """


class Watched:
    """The offline rater; where it raises, that is seen and not taken for an abstention."""

    name, version = OfflineRater.name, OfflineRater.version
    fidelity = OfflineRater.fidelity

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Rate, or say that it could not."""
        try:
            return OfflineRater().rate(session, view)
        except Exception as error:
            raise Broken(f"the rater raised {place_of(error)}") from error


def place_of(error: BaseException) -> str:
    """Type and innermost line of an error: what makes two findings one."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {at}"


@contextmanager
def silent(promise: str) -> Iterator[Callable[[str], None]]:
    """Hold that nothing is said with the mark in it: printed, logged, warned of, or told to us."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setLevel(logging.NOTSET)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    try:
        with (
            redirect_stdout(said),
            redirect_stderr(said),
            warnings.catch_warnings(record=True) as w,
        ):
            warnings.simplefilter("always")
            yield lambda text: print(text, file=said)
        said.writelines(str(each.message) for each in w)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    if MARK in said.getvalue():
        raise Broken(f"{promise} told a word of the input")


def holds(data: bytes, folder: Path, *, looked_at: bool = True) -> str:
    """
    Send bytes the whole way.

    Args:
        data: The input.
        folder: An empty folder to lay it in.
        looked_at: Whether the custodian looks at it, too.

    Returns:
        `record`, or the reason for which there is no session.

    Raises:
        Broken: A promise is.
    """
    verdict = read(data)
    blobs, telemetry = sealed(data, folder)
    for blob in blobs:
        told = read(blob, telemetry[0] if telemetry else None)
        if told not in ("record", "NO_CONVERSATION", "SUBAGENT_ALONE"):
            raise Broken(f"what was sealed is refused: {told}")
    if looked_at:
        inspected(folder)
    return verdict


def read(data: bytes, telemetry: bytes | None = None) -> str:
    """Bytes to a record, as the worker does it, but with nothing caught."""
    reason, record = "record", None
    with silent("reading") as tell:
        try:
            counted = wrote_code(telemetry, data) if telemetry else ABSENT
            heard = "absent" if counted == ABSENT else "present"
            labels, measures = worker._label(data, Watched(), "full")
            labels |= {"month": MONTH, "staff": "no"}
            labels |= {"telemetry": heard, "telemetry_wrote_code": counted}
            record = LabelRecord.of(codebook(), labels, measures, ACCOUNT)
            tell(repr(record))
        except UnreadableError as error:
            reason = error.reason
            tell("".join(traceback.format_exception(error)))
        except (Exception, RecursionError) as error:
            raise Broken(f"reading raised {place_of(error)}") from error
    if record is not None and LabelRecord.decode(record.encode(), codebook()) != record:
        raise Broken("a record that is none")
    if reason not in ("record", *REASONS):
        raise Broken("a reason that is none")
    return reason


def sealed(data: bytes, folder: Path) -> tuple[list[bytes], list[bytes]]:
    """What the edge makes of the input beside a sound log: sessions, and telemetry of some."""
    (folder / INPUT).write_bytes(data)
    (folder / BESIDE).write_bytes(SOUND)
    tally, memory = Tally(), RunMemory()
    with silent("the edge") as tell:
        try:
            found = list(read_source(folder, lambda _: "ann", memory, tally))
            counted = list(
                read_telemetry(tally.telemetry, lambda _, __: "ann", memory, tally, LARGEST)
            )
        except Exception as error:
            raise Broken(f"the edge raised {place_of(error)}") from error
        tell(repr((found, counted, tally)))
        tell("".join(each.blob.decode() for each in counted))
    if not any(b'"sound"' in each.blob for each in found):
        raise Broken("the sound log was lost")
    if "FORMAT_FAILED" in tally.files.values():
        raise Broken("a format failed on it")
    if not all(code.isupper() for code in tally.codes):
        raise Broken("a code that is none")
    return [each.blob for each in found if each.blob.strip()], [each.blob for each in counted]


def inspected(folder: Path) -> None:
    """What the custodian is told: counts, codes and the two names."""
    with silent("inspect-format") as tell:
        try:
            told = inspect(folder)
        except Exception as error:
            raise Broken(f"inspect-format raised {place_of(error)}") from error
        tell(json.dumps(told))
    if told["read"] + sum(told["refused"].values()) != 2:
        raise Broken("inspect-format lost a file")
