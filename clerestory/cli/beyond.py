"""Commands of machines beside the keeper's: node, courier."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from clerestory.cli.app import command, say
from privacy.errors import ConfigurationError

SocketPath = Annotated[Path, typer.Option("--socket", help="Where to listen: a path.")]
Group = Annotated[str, typer.Option(help="Group whose members may knock.")]


@command()
def node(
    key: Annotated[Path, typer.Option(help="This machine's private key, which a policy names.")],
    trust: Annotated[
        list[Path], typer.Option(help="Public key of a keeper to work for; may be given often.")
    ],
    socket: SocketPath = Path("/run/clerestory-node/node.sock"),
    group: Group = "",
) -> None:
    """Run sealed workers on this machine for keepers elsewhere, as a scheduler brings them work."""
    from clerestory.noding import be_node

    be_node(key, trust, socket, group, lambda who: say(f"node {who}"))


@command()
def courier(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Of the Ray cluster.")],
    socket: SocketPath = Path("/run/clerestory-courier/courier.sock"),
    group: Group = "",
) -> None:
    """Carry sealed work between a keeper and the nodes of a Ray cluster; it holds no key."""
    if find_spec("ray") is None:
        raise ConfigurationError(
            "RAY_MISSING",
            rule="A scheduler is an extra, installed where it is used.",
            found="no `ray` in this environment.",
            remedy="pip install 'clerestory[ray]', here and on every node.",
        )
    from clerestory.noding import be_courier

    be_courier(address, socket, group, lambda: say("courier: ready"))
