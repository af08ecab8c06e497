"""`doctor`: what is wrong with an installation, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich.text import Text

from vestibule.app import Installation, SystemClock, open_installation
from vestibule.cli.diagnosis import Finding, Patient, Verdict, examine
from vestibule.cli.diagnosis.finding import bad
from vestibule.cli.exits import Exit
from vestibule.cli.options import ConfigOption, JsonOption, settings_from
from vestibule.cli.output import err, out, plain, print_json
from vestibule.model.configuration import Configuration
from vestibule.model.errors import VestibuleError
from vestibule.settings import Settings

COLOURS = {
    Verdict.OK: "green",
    Verdict.WARN: "yellow",
    Verdict.BAD: "bold red",
    Verdict.UNKNOWN: "dim",
}


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say what is wrong with an installation, and the remedy. Changes nothing."""
    try:
        settings = settings_from(config)
    except VestibuleError as error:
        found = [("settings", bad(str(error), "correct the settings file or the environment"))]
    else:
        with err.status("Looking..."):
            found = list(examine(_patient(settings)))
    if as_json:
        print_json(
            [
                {
                    "check": name,
                    "verdict": finding.verdict,
                    "said": finding.said,
                    "remedy": finding.remedy,
                }
                for name, finding in found
            ]
        )
    else:
        _show(found)
    if any(finding.verdict is Verdict.BAD for _, finding in found):
        raise typer.Exit(Exit.FOUND_PROBLEMS)


def _patient(settings: Settings) -> Patient:
    """The installation as far as it opens; the checks say why it does not."""
    now = SystemClock().now
    installation = _opened(settings)
    if installation is None:
        return Patient(settings, now)
    return Patient(
        settings,
        now,
        store=installation.store,
        network=installation.network,
        configuration=_configuration(installation),
    )


def _opened(settings: Settings) -> Installation | None:
    try:
        return open_installation(settings)
    except VestibuleError:
        return None


def _configuration(installation: Installation) -> Configuration | None:
    try:
        return installation.store.configuration()
    except VestibuleError:
        return None


def _show(found: Sequence[tuple[str, Finding]]) -> None:
    """One line for each finding, and one for its remedy: what is to be copied stays whole."""
    left, middle = (max(map(len, words)) + 2 for words in (Verdict, [name for name, _ in found]))
    last = ""
    for name, finding in found:
        label = "" if name == last else name
        last = name
        out.print(
            Text(f"{finding.verdict:<{left}}", style=COLOURS[finding.verdict])
            + Text(f"{label:<{middle}}", style="bold")
            + plain(finding.said)
        )
        if finding.remedy:
            out.print(Text(" " * (left + middle) + "-> ", style="bold") + plain(finding.remedy))
    counts = {
        verdict: sum(finding.verdict is verdict for _, finding in found) for verdict in Verdict
    }
    out.print()
    out.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count))
