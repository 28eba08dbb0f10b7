"""
What a call to a model costs more from a sealed worker than from the bare SDK, in one run.

The server is a process of its own for both.  What a worker does beside the call (it opens the
session, reads it, labels it) is measured by itself and taken off.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anthropic
import httpx2

from benchmarks.measuring import tell
from classifiers.formats import read_session
from classifiers.raters.claude.prompt import fenced
from classifiers.raters.claude.rater import ClaudeRater
from classifiers.raters.claude.tls import trusting
from classifiers.raters.offline import OfflineRater
from classifiers.rendering import View, render
from classifiers.sessions import Session
from classifiers.worker import row_of
from privacy.sandbox.tiers import best_tier
from privacy.sealing import KeyPair, SealedBlob, seal
from tests.support.egress import Asker, asking, sealed, session
from tests.support.messages import API_KEY

CALLS, ROUNDS = 40, 21


def main() -> None:
    """Measure and tell."""
    data = session()
    with TemporaryDirectory() as place:
        path = Path(place) / "roots.pem"
        with subprocess.Popen(
            [sys.executable, "-m", "clerestory", "dev-stub", "--roots", str(path), "--json"],
            stdout=subprocess.PIPE, text=True,
        ) as server:  # fmt: skip
            assert server.stdout is not None
            told = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
            roots = path.read_text(encoding="ascii")
            rater = asking(told["url"], roots)
            asked = ClaudeRater(rater)
            body = json.loads(asked.calls[0].body([]))
            del body["messages"]
            client = anthropic.Anthropic(
                api_key=API_KEY,
                base_url=rater.endpoint,
                max_retries=0,
                http_client=httpx2.Client(verify=trusting(roots), trust_env=False),
            )
            with client, sealed(best_tier(), rater) as asker:
                bare, behind, reading = [], [], []
                for _ in range(ROUNDS):  # in turn, so that the machine's mood is shared
                    bare.append(_bare(client, body, data))
                    behind.append(_sealed(asker, data))
                    reading.append(_reading(data))
            server.terminate()
    # The least of the rounds: four processes take part in a call, and a busy machine adds to each.
    least = {"bare": min(bare), "sealed": min(behind), "reading": min(reading)}
    tell(
        "egress",
        **{f"{name}_ms": seconds * 1000 for name, seconds in least.items()},
        added_ms=(least["sealed"] - least["reading"] - least["bare"]) * 1000,
        ratio=least["sealed"] / least["bare"],
        median_added_ms=(median(behind) - median(reading) - median(bare)) * 1000,
        tier=best_tier().name,
    )


def _bare(client: anthropic.Anthropic, body: dict[str, object], data: bytes) -> float:
    """Seconds of a call by the SDK as it comes, over TLS to the same server."""
    text = fenced("".join(render(read_session(data)).text))
    ask = {**body, "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}
    client.messages.create(**ask)  # type: ignore[call-overload]
    start = time.perf_counter()
    for _ in range(CALLS):
        answer = client.messages.create(**ask)  # type: ignore[call-overload]
        json.loads(answer.content[0].text)
    return (time.perf_counter() - start) / CALLS


def _sealed(asker: Asker, data: bytes) -> float:
    """Seconds of a session more in a batch: opened, read, asked about, labelled."""
    times = []
    for count in (1, CALLS + 1):
        with asker.start() as worker:
            frames = [asker.frame(data, number, worker) for number in range(count)]
            start = time.perf_counter()
            for frame in (*frames, b""):
                worker.channel.send(frame)
            worker.channel.receive(2**20)
            times.append(time.perf_counter() - start)
    return (times[1] - times[0]) / CALLS


class _Silent(OfflineRater):
    """Labels nothing, at once."""

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Nothing."""
        return {}


def _reading(data: bytes) -> float:
    """Seconds of what a worker does beside the call: it opens, reads, counts and writes a row."""
    pair, info, rater = KeyPair.generate(), b"bench", _Silent()
    told = {"account": bytes(16).hex(), "month": "2026-02", "session": bytes(16).hex()}
    frame = seal(data, told, public=pair.public, info=info).encode()
    start = time.perf_counter()
    for _ in range(CALLS):
        row_of(SealedBlob.decode(frame), pair, info, rater)
    return (time.perf_counter() - start) / CALLS
