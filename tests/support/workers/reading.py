"""What the classify worker does once it is sealed: open a session, parse, match, answer."""

import json
import re
import unicodedata

from privacy.sandbox.channel import Channel
from privacy.sealing import KeyPair, SealedBlob, run_info

_WORD = re.compile(r"\w+", re.UNICODE)
INFO = run_info("plan")


def prepare(plan: bytes) -> None:
    """Match once, so that nothing is loaded later."""
    _count(json.dumps({"text": plan.decode()}).encode())


def run(channel: Channel, key: KeyPair) -> None:
    """Answer every sealed session with the number of its words; an empty frame ends."""
    while frame := channel.receive(2**27):
        blob = SealedBlob.decode(frame)
        channel.send(_count(blob.open(key.open(blob.wrapped, info=INFO))))


def _count(session: bytes) -> bytes:
    text = unicodedata.normalize("NFC", json.loads(session)["text"])
    return len(_WORD.findall(text)).to_bytes(4)
