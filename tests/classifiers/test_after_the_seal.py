"""Once prepared, the classify worker loads nothing and opens nothing: after the seal it cannot."""

import subprocess
import sys
from pathlib import Path

from clerestory.synthetic import write_sessions
from tests.support.world import ROOT

WATCH = """
import sys
from pathlib import Path
from classifiers import worker
from classifiers.edge import RunMemory, Tally, read_source
from classifiers.telemetry import Call, Counts, Telemetry, calls_in, hash_of
from privacy.codebook import codebook
from privacy.plan import Binding, read_plan

folder, plan = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
sessions = list(read_source(folder, lambda _: "one", RunMemory(), Tally()))
calls = {hash_of(call): Call(True, "ok") for one in sessions for call in calls_in(one.blob)}
beside = [Telemetry(None, calls).encode(), Telemetry(Counts(7), {}).encode(), b"torn", None]
worker.prepare(plan)
seen = []
EVENTS = {"open", "import", "os.listdir", "os.scandir", "ctypes.dlopen", "subprocess.Popen"}
watching = [True]

def hook(event, arguments):
    if watching[0] and event in EVENTS:
        seen.append(f"{event} {str(arguments[0])[-60:]}")

sys.addaudithook(hook)
if len(sys.argv) > 3:
    import wave  # the control: what is not loaded yet is noticed
statuses = set()
position = [field.name for field in codebook().fields].index("status")
for number, session in enumerate(sessions):
    told = {"month": session.month, "account": bytes(16), "telemetry": beside[number % 4]}
    record = worker.classify(session.blob, **told)
    statuses.add(codebook().field("status").labels[record.labels[position]])
watching[0] = False
print(len(sessions), sorted(statuses), seen)
"""


def watched(folder: Path, plan: Path, *more: str) -> str:
    """What happened while synthetic sessions were rated in a prepared process."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", WATCH, str(folder), str(plan), *more],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    return done.stdout


def test_a_prepared_worker_imports_and_opens_nothing(tmp_path: Path) -> None:
    """A module that loads on first use would turn most sessions into `invalid` in the seal."""
    from aggregates.plan import plan
    from aggregates.study import Study

    write_sessions(tmp_path / "made", accounts=80, sessions=120, seed=11)
    compiled = tmp_path / "plan.json"
    compiled.write_bytes(plan(Study.read(ROOT / "studies" / "first-look.toml")).canonical)
    logs = tmp_path / "made" / "logs"

    assert watched(logs, compiled) == "120 ['rated'] []\n"
    assert "wave" in watched(logs, compiled, "control")


def test_sealed_workers_rate_synthetic_sessions(classified: object) -> None:
    """The same through a real seal: what comes back is rated, not merely a record."""
    from collections import Counter

    from clerestory.truth import unsafe_open_labels
    from privacy.codebook import codebook
    from privacy.labels import LabelRecord, unpack_bucket
    from privacy.plan import read_plan
    from privacy.vault import Vault
    from tests.support.world import World

    assert isinstance(classified, World)
    book = codebook()
    position = [field.name for field in book.fields].index("status")
    plan = read_plan(classified.plan.read_bytes())
    statuses: Counter[str] = Counter()
    for bucket in unsafe_open_labels(Vault.open(classified.vault), classified.state, plan):
        for _, row in unpack_bucket(bucket, book):
            label = LabelRecord.decode(row, book).labels[position]
            statuses[book.field("status").labels[label]] += 1
    assert statuses == {"rated": 45}
