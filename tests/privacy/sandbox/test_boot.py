"""How a zygote settles before it forks."""

import gc
import sys
from collections.abc import Iterator

import pytest

from privacy.sandbox import boot


@pytest.fixture
def collector() -> Iterator[None]:
    """Garbage collection as it is in a test, afterwards."""
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_the_collector_rests_while_a_zygote_imports_and_works_in_its_workers() -> None:
    """Resting is a tenth of the start; in a worker, a session's cycles must not stay for ever."""
    seen = []

    class Module:
        def prepare(self, plan: bytes) -> None:
            seen.append((plan, gc.isenabled()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "settling", Module())
        for variable in boot._ONE_THREAD:
            patch.setenv(variable, "1")  # so that it is taken back
        boot._prepare("settling", b"plan")
    assert seen == [(b"plan", False)]
    boot._settle(seal=False, skip=frozenset())
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
