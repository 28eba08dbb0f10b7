"""The classify worker with a rater that fails on a session in the way that its text names."""

import binascii
import ctypes
import enum
import faulthandler
import json
import logging
import os
import signal
import sys
import traceback
import warnings
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from classifiers import worker
from classifiers.rendering import View
from classifiers.sessions import Session
from privacy.sandbox.channel import Channel
from privacy.sealing import KeyPair

CANARY = "heliotrope-4471-canary"


class Strict(BaseModel):
    """A model that quotes what it does not like."""

    model_config = ConfigDict(extra="forbid", strict=True)
    n: int


class Word(enum.Enum):
    """A closed list."""

    ONE = "one"


def _recurse(text: str) -> None:
    _recurse(text + "x")


def _look_up(text: str) -> None:
    words: dict[str, str] = {}
    words[text]


def _chain(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        raise KeyError(text) from error


def _group(text: str) -> None:
    raise ExceptionGroup(text, [ValueError(text), KeyError(text)])


def _raise(text: str) -> None:
    raise OSError(2, text, text)


def _assert(text: str) -> None:
    raise AssertionError(text)


def _talk(text: str) -> None:
    print(text, flush=True)
    print(text, file=sys.stderr, flush=True)
    for descriptor in (0, 1, 2):
        os.write(descriptor, text.encode())


def _log(text: str) -> None:
    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.getLogger("anthropic").debug(text)
    logging.getLogger().exception(text)


def _trace(text: str) -> None:
    try:
        int(text)
    except ValueError:
        traceback.print_exc()
        sys.excepthook(*sys.exc_info())
    warnings.warn(text, stacklevel=1)
    faulthandler.dump_traceback()
    raise ValueError(text)


def _exit(text: str) -> None:
    raise SystemExit(text)


def _exit_with_a_number(text: str) -> None:
    os._exit(len(text) % 200)


def _crash(_: str) -> None:
    ctypes.string_at(0)


def _kill(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _abort(_: str) -> None:
    os.abort()


def _exhaust(text: str) -> None:
    held = []
    while True:
        held.append(text.encode() * 2**50)


def _write(text: str) -> None:
    with open(f"/tmp/{text[:60].split()[0]}", "w") as file:  # noqa: PTH123 - it must not work
        file.write(text)


FAILURES: dict[str, Callable[[str], object]] = {
    "key_error": _look_up,
    "value_error": int,
    "enum": Word,
    "unicode_decode": lambda text: (text.encode() + b"\xff").decode(),
    "unicode_encode": lambda text: (text + "é").encode("ascii"),
    "json_decode": lambda text: json.loads('{"a": ' + text),
    "base64": lambda text: b64decode(text, validate=True),
    "binascii": lambda text: binascii.unhexlify(text),
    "pydantic_value": lambda text: Strict.model_validate({"n": text}),
    "pydantic_key": lambda text: Strict.model_validate({"n": 1, text: 1}),
    "pydantic_json": lambda text: TypeAdapter(int).validate_json(f'"{text}"'),
    "attribute": lambda text: getattr(object(), text),
    "import": lambda text: __import__(text.replace(" ", "_").replace("\n", "_")),
    "os_error": _raise,
    "assertion": _assert,
    "chain": _chain,
    "group": _group,
    "recursion": _recurse,
    "memory": _exhaust,
    "talk": _talk,
    "log": _log,
    "trace": _trace,
    "exit": _exit,
    "exit_code": _exit_with_a_number,
    "write": _write,
    "crash": _crash,
    "kill": _kill,
    "abort": _abort,
}  # fmt: skip


class FailingRater:
    """Does what the session says."""

    name, version = "offline", "2"
    fidelity: Literal["low", "validated"] = "low"

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Fail; a session that names no way is labelled."""
        del session
        text = "".join(view.text)
        for way, fail in FAILURES.items():
            if f"way:{way}:" in text:
                fail(text)
        return {"work_mode": "fix"}


def prepare(plan: bytes) -> None:
    """As the classify worker does, and then put another rater in its place."""
    worker.prepare(plan)
    worker._Prepared.rater = FailingRater()


def run(channel: Channel, key: KeyPair) -> None:
    """The classify worker's own."""
    worker.run(channel, key)


if __name__ == "__main__":  # the control: unsealed, and with a helpful reporter of errors
    try:
        FAILURES[sys.argv[1]](sys.argv[2])
    except BaseException as error:  # noqa: BLE001 - it reports whatever it is, with what it held
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        sys.stderr.write("".join(told.format()))
