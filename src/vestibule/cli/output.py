"""How commands speak: tables and sentences for people, JSON for scripts, errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vestibule.cli.exits import Exit
from vestibule.model.errors import (
    Conflict,
    InvalidConfiguration,
    NotFound,
    StoreUnavailable,
    VestibuleError,
)
from vestibule.model.values import Json
from vestibule.protocols.exchange import OutboundError

# Nobody's screen limits a file or a pipe: a table in it keeps its lines whole.
WIDE = 240

out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(value: Json) -> None:
    """Write one JSON document to stdout, in ASCII: escapes steer no terminal (attacks.md A8)."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def plain(text: str) -> Text:
    """`text` as it is, without control characters: what others wrote must not steer a terminal."""
    return Text(
        "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    )


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, whole: int = 0
) -> Table:
    """A table for people; the first `whole` columns are never broken over lines."""
    made = Table(
        title=title or None, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False
    )
    for position, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=position < whole)
    for row in rows:
        made.add_row(*(plain(cell) for cell in row))
    return made


def exit_code(error: VestibuleError) -> Exit:
    """The exit code that `error` deserves."""
    match error:
        case StoreUnavailable() | OutboundError():
            return Exit.UNAVAILABLE
        case Conflict():
            return Exit.CONFLICT
        case InvalidConfiguration():
            return Exit.USAGE
        case NotFound():
            return Exit.FOUND_PROBLEMS
        case _:
            return Exit.FOUND_PROBLEMS


def fail(message: str, code: Exit = Exit.FOUND_PROBLEMS, *, as_json: bool = False) -> NoReturn:
    """Say what is wrong on stderr (JSON on stdout where asked) and leave with `code`."""
    if as_json:
        print_json({"error": message})
    else:
        err.print(Text("error: ", style="bold red") + plain(message))
    raise typer.Exit(code)


def agreed(question: str, *, yes: bool, as_json: bool = False) -> None:
    """Return when `yes` was said, here or at the terminal; leave otherwise."""
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        fail(f"{question} There is nobody to ask: say --yes.", Exit.USAGE, as_json=as_json)
    typer.confirm(question, abort=True)


@contextmanager
def reporting(*, as_json: bool = False) -> Generator[None]:
    """Turn a `VestibuleError` into its sentence and its exit code."""
    try:
        yield
    except VestibuleError as error:
        fail(str(error), exit_code(error), as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
