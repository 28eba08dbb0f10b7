"""
Why a file, a session or a record was not taken as it lay there, and what to do about it.

The codes are the closed list of all that the custodian is told of raw logs by `inspect-format`
and `seal`; programs may rely on them.  `docs/reasons.md` is made of this table.
"""

from typing import NamedTuple


class Reason(NamedTuple):
    """What a code means."""

    means: str
    to_do: str


_NOTHING = "Nothing."

REASONS = {
    # files
    "READ": Reason("The file holds a log, and was read to its end.", _NOTHING),
    "EMPTY": Reason("The file has no bytes, or blank ones only.", _NOTHING),
    "NOT_A_SESSION_LOG": Reason(
        "No record in it is of a format that is known here.",
        "If it is a log: convert it to the generic form, or install a plug-in for its format.",
    ),
    "UNREADABLE_ENCODING": Reason(
        "It is neither UTF-8 nor UTF-16, so that nothing in it can be read.",
        "Convert it to UTF-8, or export it again.",
    ),
    "NOT_A_FILE": Reason(
        "It is a link, pipe, socket or device; none of them is followed.",
        "Give the place where the file itself lies.",
    ),
    "UNREADABLE_FILE": Reason(
        "The file or folder may not be read, or went away while it was being read.",
        "Give yourself the right to read it, and run the command again.",
    ),
    "COMPRESSED": Reason(
        "It is an archive; only an evaluation's is opened.",
        "Unpack it, and give the folder.",
    ),
    "DATABASE": Reason(
        "It is a program's database, whose tables change with its versions.",
        "Export the sessions with the program that made it.",
    ),
    "NO_ACCOUNT": Reason(
        "Neither you nor the log says whose it is.",
        "Name its account in the file of --accounts, or with --account.",
    ),
    "FORMAT_FAILED": Reason(
        "The reader of its format raised an error on it.",
        "Report it with the name of the format; keep the file out until then.",
    ),
    # sessions
    "TAKEN": Reason("The session is one that `seal` takes.", _NOTHING),
    "TOO_LARGE": Reason(
        "It is longer than a session or a document may be.",
        "Nothing for a session: it counts as one that is too large. Split a document.",
    ),
    "NO_TIMESTAMP": Reason(
        "No record says when it began, or it is a month that the codebook does not name.",
        "Nothing: it counts with the month `unknown`.",
    ),
    "NO_CONVERSATION": Reason("Nothing was said in it that is a session's.", _NOTHING),
    "SUBAGENT_ALONE": Reason(
        "It is a sub-agent's log, and the log of the session that sent it is not there.",
        "Give both in one source: the folder above, as the program keeps it.",
    ),
    "DUPLICATE": Reason(
        "All that is in it stands in another session of the account already.", _NOTHING
    ),
    # records
    "BAD_LINE": Reason(
        "A line or element is torn, or no record; what could be read of it was.",
        "A few are usual where a program was stopped. If there are many, export it again.",
    ),
    "COPY": Reason("The record belongs to another session, of which this one is a fork.", _NOTHING),
    "REPEATED": Reason("The record stands in the same session twice, and counts once.", _NOTHING),
    "IMAGE": Reason("A picture or document was left out; no picture is ever sealed.", _NOTHING),
    "NOT_NEEDED": Reason("No reader needs the record, so that it is not sealed.", _NOTHING),
    "NOT_MOUNTED": Reason(
        "A plug-in wrote it in a form that the sealed worker cannot read.",
        "Have the plug-in write the generic form.",
    ),
    # telemetry: a collector's files, their points and events
    "TELEMETRY_NOBODYS": Reason(
        "Neither you nor the account's id in it says whose the file or point is.",
        "Name the id in the column telemetry of the file of --accounts.",
    ),
    "TELEMETRY_TOO_LARGE": Reason(
        "The files hold more points than can be told from repeated ones.",
        "Give the files of fewer months at a time.",
    ),
    "TELEMETRY_BAD_LINE": Reason(
        "A line is torn, or no export; what could be read of it was.",
        "A few are usual. If there are many, look at the collector's disk.",
    ),
    "TELEMETRY_BAD_POINT": Reason(
        "A point or event without a time, a value or a name; it counts as not exported.",
        "Nothing, if they are few: look at the collector's processors otherwise.",
    ),
    "TELEMETRY_OTHER_SERVICE": Reason("Another program than Claude Code exported it.", _NOTHING),
    "TELEMETRY_TRACES": Reason("Traces are not read: their form still changes.", _NOTHING),
    "TELEMETRY_EARLY": Reason(
        "It tells of a session that has not been sealed; it waits for it.",
        "Seal the session's log, too.",
    ),
    "TELEMETRY_UNJOINED": Reason(
        "It tells of calls of several sessions, or of none, and cannot be divided.",
        "Nothing: what can be told of each session is taken.",
    ),
}
"""Code → what it means and what to do."""


def reason(code: str) -> Reason:
    """What a code means; a plug-in's own code is not known here."""
    return REASONS.get(code, Reason("A code that is not known here.", "Ask who wrote the plug-in."))
