"""keeper.toml: read strictly, since it names programs that the keeper runs."""

import os
from pathlib import Path

import pytest

from privacy.errors import ConfigurationError
from privacy.keeper.configuration import (
    CONFIGURATION,
    Configuration,
    KeyAtRest,
    Scheduler,
    read_configuration,
)

WHOLE = """
group = "askers"

[key]
how = "command"
wrap = ["/usr/bin/kms", "encrypt"]
unwrap = ["/usr/bin/kms", "decrypt"]
seconds = 5
environment = ["KMS_REGION"]

[[anchor]]
name = "usb"
file = "/media/usb/anchor"
required = false
"""


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    """A state folder with that file."""
    path = folder / CONFIGURATION
    path.write_text(text)
    path.chmod(mode)
    return folder


def test_without_a_file_everything_is_the_keepers_alone(tmp_path: Path) -> None:
    """Plain files of its user, no group, no anchor."""
    assert read_configuration(tmp_path) == Configuration(KeyAtRest("file"), "", ())
    assert read_configuration(tmp_path / "nowhere") == Configuration()


def test_every_value_is_read(tmp_path: Path) -> None:
    """As docs/keeper.md writes them."""
    read = read_configuration(written(tmp_path, WHOLE))
    assert read.group == "askers"
    assert read.key == KeyAtRest(
        "command",
        ("/usr/bin/kms", "encrypt"),
        ("/usr/bin/kms", "decrypt"),
        5.0,
        ("KMS_REGION",),
    )
    assert read.anchor == ({"name": "usb", "file": "/media/usb/anchor", "required": False},)


@pytest.mark.parametrize(
    "text",
    [
        "[key]\nhow = 'hsm'",
        "[key]\nhow = 'command'",
        "[key]\nhow = 'command'\nwrap = ['/bin/cat']",
        "[key]\nhow = 'file'\nwrap = ['/bin/cat']\nunwrap = ['/bin/cat']",
        "[key]\nhow = 'command'\nwrap = '/bin/cat'\nunwrap = '/bin/cat'",
        "[key]\npassphrase = 'horse'",
        "[key]\nseconds = 0",
        "[key]\nseconds = nan",
        "[keys]\nhow = 'file'",
        "group = 7",
        "key = 7",
        "anchor = 7",
        "scheduler = 7",
        "[scheduler]\nhands = 4",
        "[scheduler]\ncourier = ''",
        "[scheduler]\ncourier = '/run/c'\nhands = 0",
        "[scheduler]\ncourier = '/run/c'\nretries = -1",
        "[scheduler]\ncourier = '/run/c'\ncarries = ['release']",
        "[scheduler]\ncourier = '/run/c'\naddress = 'x:6379'",
        "not toml",
        "\x00",
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    """A misspelt word must not mean: keys in clear."""
    with pytest.raises(ConfigurationError, match="KEEPER_TOML"):
        read_configuration(written(tmp_path, text))


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever writes it has his programs run as the keeper."""
    with pytest.raises(ConfigurationError, match="KEEPER_TOML"):
        read_configuration(written(tmp_path, WHOLE, mode))
    assert read_configuration(written(tmp_path, WHOLE, 0o644)).group == "askers"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(tmp_path: Path) -> None:
    """Even if only he may write it."""
    folder = written(tmp_path, WHOLE)
    os.chown(folder / CONFIGURATION, 61_005, 61_005)
    with pytest.raises(ConfigurationError, match="KEEPER_TOML"):
        read_configuration(folder)


def test_a_scheduler_is_read_with_its_defaults(tmp_path: Path) -> None:
    """Both kinds of work, four hands, two retries; and what is written instead."""
    read = read_configuration(written(tmp_path, "[scheduler]\ncourier = '/run/c'"))
    assert read.scheduler == Scheduler("/run/c", ("classify", "aggregate"), 4, 2)
    text = "[scheduler]\ncourier = '/run/c'\ncarries = ['aggregate']\nhands = 9\nretries = 0"
    read = read_configuration(written(tmp_path, text))
    assert read.scheduler == Scheduler("/run/c", ("aggregate",), 9, 0)
