"""What a machine cannot do is said with its remedy, and never silently done without."""

from pathlib import Path

import pytest

from privacy.errors import ConfigurationError, IncompleteError
from privacy.sandbox.launch import required, start
from privacy.sandbox.probes import PROBES
from privacy.sandbox.tiers import Tier, best_tier, survey
from tests.support.workers.setting import small

APPARMOR = "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
USERNS_CLONE = "sysctl -w kernel.unprivileged_userns_clone=1"


def impostor(folder: Path, said: str) -> None:
    """A bwrap that fails and says something."""
    program = folder / "bwrap"
    program.write_text(f'#!/bin/sh\necho "bwrap: {said}" >&2\nexit 1\n', encoding="utf-8")
    program.chmod(0o755)


def test_without_bubblewrap_the_tier_is_lower_and_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A start at T2 is refused rather than made at T1."""
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = survey()[0]
    assert (finding.tier, finding.works) == (Tier.T2, False)
    assert "apt-get install bubblewrap" in finding.remedy
    assert best_tier() is not Tier.T2
    with pytest.raises(ConfigurationError) as error:
        start(Tier.T2, small(), "privacy.sandbox.idle", b"")
    assert error.value.code == "BUBBLEWRAP_MISSING"


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("setting up uid map: Permission denied", APPARMOR),
        ("loopback: Failed RTM_NEWADDR: Operation not permitted", APPARMOR),
        ("Creating new namespace failed: Permission denied", APPARMOR),
        ("Creating new namespace failed: Operation not permitted", USERNS_CLONE),
        (
            "No permissions to create new namespace, likely because the kernel does not allow "
            "non-privileged user namespaces. On e.g. debian this can be enabled with "
            "'sysctl kernel.unprivileged_userns_clone=1'.",
            USERNS_CLONE,
        ),
        (
            "Creating new namespace failed: No space left on device",
            "sysctl -w user.max_user_namespaces=10000",
        ),
        ("Failed to make / slave: Permission denied", "--security-opt apparmor=unconfined"),
        ("pivot_root: Operation not permitted", "--security-opt apparmor=unconfined"),
        ("Unknown option --disable-userns", "install bubblewrap 0.8 or later"),
        (
            "Unexpected capabilities but not setuid, old file caps config?",
            "setcap -r /usr/bin/bwrap",
        ),
        ("something else", "bwrap --unshare-all"),
    ],
)
def test_each_way_to_fail_has_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, remedy: str
) -> None:
    """The words are bubblewrap's own, as they are met in the field."""
    impostor(tmp_path, said)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    finding = survey()[0]
    assert not finding.works
    assert said in finding.reason
    assert remedy in finding.remedy
    with pytest.raises(IncompleteError):
        start(Tier.T2, small(), "privacy.sandbox.idle", b"")


def test_each_tier_requires_no_more_than_it_can_block() -> None:
    """T2 everything, T1 all but what only namespaces block at that moment, T0 nothing."""
    names = {tier: {probe.name for probe in required(tier)} for tier in Tier}
    assert names[Tier.T2] == {probe.name for probe in PROBES}
    assert names[Tier.T2] - names[Tier.T1] == {"see_host_files", "reach_host_network"}
    assert names[Tier.T0] == set()
