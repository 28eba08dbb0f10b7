"""
What every command shares: how it is declared, how it talks, how it fails.

Data goes to standard output, talk to standard error.  A typed error is told in four lines and
becomes its exit code; anything else becomes exit code 1 and the name of its type, since an
exception's text may quote what it failed on.
"""

import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

import clerestory
from privacy.errors import ClerestoryError, ConfigurationError

app = typer.Typer(
    name="clerestory",
    help="Learn from people's sessions with a coding agent while nobody reads one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print data as JSON on standard output.")]
VaultPath = Annotated[Path, typer.Argument(metavar="VAULT", help="The vault's folder.")]
PlanPath = Annotated[
    Path, typer.Argument(metavar="PLAN", help="plan.json, from `clerestory plan`.")
]

P = ParamSpec("P")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Learn from people's sessions with a coding agent while nobody reads one."""
    if show:
        sys.stdout.write(f"clerestory {clerestory.__version__}\n")
        raise typer.Exit


def command(name: str | None = None, *, of: typer.Typer = app) -> Callable[..., Any]:
    """Declare a command that fails as this module promises."""

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
            except ClerestoryError as error:
                tell_error(error, as_json=bool(kwargs.get("as_json")))
                raise typer.Exit(error.exit_code) from None
            except (typer.Exit, typer.Abort, KeyboardInterrupt):
                raise
            except BrokenPipeError:
                # The reader has what he wanted (`clerestory … | head`): nothing more to say.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(0) from None
            except OSError as error:
                tell_error(_unusable(error), as_json=bool(kwargs.get("as_json")))
                raise typer.Exit(2) from None
            except Exception as error:  # noqa: BLE001 - the last guard before the terminal
                tell_error(_unexpected(error), as_json=bool(kwargs.get("as_json")))
                raise typer.Exit(1) from None

        of.command(name)(guarded)
        return guarded

    return declare


def answer(data: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Give the data, as JSON or in words."""
    sys.stdout.write((json.dumps(data, indent=1, ensure_ascii=False) if as_json else text) + "\n")


def say(text: str) -> None:
    """Talk to the person at the terminal."""
    sys.stderr.write(text + "\n")


def tell_error(error: ClerestoryError, *, as_json: bool) -> None:
    """Say what went wrong and where, in a few lines or as JSON, on standard error."""
    if as_json:
        say(json.dumps(error.to_json(), ensure_ascii=False))
        return
    say(_coloured(error.code, "31;1"))
    say(f"  rule    {error.rule}")
    say(f"  found   {error.found}")
    if error.step:
        say(f"  at      {error.step}")
    say(f"  to do   {error.remedy}")


class Progress:
    """
    Share done and time left, for what takes over two seconds.

    No counts: how many sessions there are is told to nobody but the custodian.
    """

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self._text = ""

    def __call__(self, text: str, share: float) -> None:
        """Show how far it is; a new text begins a new line."""
        now = time.monotonic()
        if text != self._text:
            self._end_line()
            self._text, self._start = text, now
        running = now - self._start
        if running < 2 or (now - self._last < 0.2 and share < 1):
            return
        self._last = now
        left = f", {running / share * (1 - share):.0f} s left" if 0 < share < 1 else ""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K  {text}: {share:.0%}{left}")
            sys.stderr.flush()
        elif share >= 1:
            say(f"  {text}: done in {running:.0f} s")

    def _end_line(self) -> None:
        if self._text and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._end_line()


def _coloured(text: str, colour: str) -> str:
    if os.environ.get("NO_COLOR") or not sys.stderr.isatty():
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def _unusable(error: OSError) -> ClerestoryError:
    """The machine's own refusal, without the path: under `seal` it may be a person's."""
    return ConfigurationError(
        "PATH_UNUSABLE",
        rule="Every path that is given can be read or written as the command needs it.",
        found=f"{error.strerror or type(error).__name__}.",
        remedy="check the paths, their owners and the room on the disk.",
    )


def _unexpected(error: Exception) -> ClerestoryError:
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "?"
    return ClerestoryError(
        "UNEXPECTED",
        rule="Nothing was left half done on purpose.",
        found=f"{type(error).__name__} at {where}.",
        remedy="run `clerestory doctor`; report the line above and the version.",
    )
