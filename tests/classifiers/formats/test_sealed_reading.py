"""Reading any format loads nothing and opens nothing: after the seal it could not."""

import subprocess
import sys

WATCH = """
import sys
from classifiers import worker
from classifiers.formats import read_session
from classifiers.stub import WARM_UP
from tests.classifiers.formats.made import lines
from tests.classifiers.formats.test_any_bytes import RECORDS, TEXTS

samples = [lines(*each) for each in RECORDS.values()] + [text.encode() for text in TEXTS.values()]
read_session(WARM_UP)
seen = []
names = ("open", "import", "os.listdir", "ctypes.dlopen")
sys.addaudithook(lambda event, _: seen.append(event) if event in names else None)
found = {read_session(sample).format for sample in samples}
told = len(seen)
import wave
print(len(found), told, len(seen) > told)
"""


def test_no_format_loads_anything_when_it_is_first_read() -> None:
    """The control, a module that is not loaded yet, is noticed."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.split() == ["19", "0", "True"], done.stderr[-500:]
