"""The command of a developer without a model: dev-stub."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from clerestory.cli.app import Json, answer, command, say

N_WAY = "N=WAY"


@command("dev-stub")
def dev_stub(
    roots: Annotated[
        Optional[Path],
        typer.Option(help="Where the root goes that its certificate leads to: PEM."),
    ] = None,
    like: Annotated[
        str,
        typer.Option(
            metavar="SERVER",
            help="Answer like vllm, ollama or llama.cpp; in clear where no root is written.",
        ),
    ] = "",
    window: Annotated[
        int, typer.Option(min=0, help="Tokens that its model reads at most; 0 as installed.")
    ] = 0,
    port: Annotated[int, typer.Option(help="A port of loopback from 1024 on; 0 for any.")] = 0,
    usual: Annotated[
        str, typer.Option("--answer", metavar="WAY", help="How requests are answered.")
    ] = "good",
    at: Annotated[
        Optional[list[str]],
        typer.Option(metavar=N_WAY, help="The N-th request is answered so. May be repeated."),
    ] = None,
    every: Annotated[
        Optional[list[str]],
        typer.Option(metavar=N_WAY, help="Every N-th request is. May be repeated."),
    ] = None,
    line: Annotated[
        Optional[list[str]],
        typer.Option(metavar=N_WAY, help="The N-th line of batches is. May be repeated."),
    ] = None,
    looks: Annotated[int, typer.Option(min=0, help="Looks before a batch has ended.")] = 1,
    per_minute: Annotated[
        int, typer.Option(min=1, help="Requests of a minute; what is more is answered 429.")
    ] = 1_000_000,
    retry_after: Annotated[int, typer.Option(min=0, help="Seconds that `429-after` says.")] = 1,
    pause: Annotated[float, typer.Option(min=0, help="Seconds before each byte, if slow.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another one: other answers.")] = 0,
    as_json: Json = False,
) -> None:
    """Serve the Messages API on loopback, well or as badly as you say, until interrupted."""
    from clerestory.devstub.command import Wanted, serve

    wanted = Wanted(
        roots=roots,
        like=like,
        window=window,
        port=port,
        usual=usual,
        at=tuple(at or ()),
        every=tuple(every or ()),
        lines=tuple(line or ()),
        looks=looks,
        per_minute=per_minute,
        retry_after=retry_after,
        pause=pause,
        seed=seed,
    )

    def ready(told: dict[str, str]) -> None:
        answer(
            told, "\n".join(f"{name:9} {value}" for name, value in told.items()), as_json=as_json
        )
        say("Made-up answers. Only a vault whose floor says `development` can be led here.")

    serve(wanted, ready)
