"""A plan, a policy or a floor that is replaced while a run uses it: a run has bytes, not paths."""

import tomllib
from pathlib import Path

import pytest

from privacy.errors import ClerestoryError
from privacy.verification import verify_bundle
from tests.aggregates.rows import RATE, SHARE, small_plan
from tests.support.house import planted


def test_files_that_are_replaced_during_a_run_change_nothing_in_it(tmp_path: Path) -> None:
    """Before the worker starts, and while it works; what comes after is refused."""
    with planted(tmp_path, accounts=60, sessions=80) as made:
        officer = made.enrol("a@example.org")
        bound = made.submit(small_plan(SHARE))
        made.approve(bound, officer)
        other = small_plan(RATE).bind(bound.binding) if bound.binding else bound
        swaps = {
            made.state.folder / "plans" / f"{bound.hash}.json": other.canonical,
            made.vault.folder / "policy.toml": b"approvals = 0\n",
            made.vault.folder / "floor.json": b"{}",
        }
        good = {path: path.read_bytes() for path in swaps}
        moments: list[str] = []

        def swap(text: str, _: float) -> None:
            moments.append(text)
            for path, data in swaps.items():
                # The charge looks at all plans again, and would be refused.
                if text == "aggregating" or path.parent.name != "plans":
                    path.write_bytes(data)

        request = {"plan": bound.canonical.decode(), "custody": "same-user"}
        made.keeper.ask("release", request, swap)
        with pytest.raises(ClerestoryError):
            made.keeper.ask("release", request, lambda _, __: None)
        assert moments[0] == "starting the sealed worker"
        assert moments[-1] == "aggregating"
        assert [kind for kind in made.kinds() if kind in ("charge", "release")] == [
            "charge",
            "release",
        ]
        for path, data in good.items():
            path.write_bytes(data)
        files = made.state.release(bound.hash)
    assert files is not None
    assert files["plan.json"] == bound.canonical
    approved = good[made.vault.folder / "policy.toml"].decode()
    assert tomllib.loads(files["policy.toml"].decode()) == tomllib.loads(approved)
    assert files["floor.json"] == good[made.vault.folder / "floor.json"]
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert [check.number for check in verify_bundle(folder) if check.holds is False] == []
