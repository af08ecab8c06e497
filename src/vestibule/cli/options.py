"""Options that many commands share, and how they open an installation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vestibule.app import Installation, open_installation
from vestibule.settings import Settings, read_settings

DEFAULT_FILE = Path("/etc/vestibule/vestibule.yaml")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="VESTIBULE_CONFIG",
        help=f"The settings file (default {DEFAULT_FILE}, where it exists).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def settings_from(config: Path | None) -> Settings:
    """The settings in `config`, else in the usual place, else from the environment alone."""
    if config is None and DEFAULT_FILE.exists() and os.access(DEFAULT_FILE, os.R_OK):
        config = DEFAULT_FILE
    return read_settings(config)


def installation_from(config: Path | None) -> Installation:
    """Open the installation that `config` describes."""
    return open_installation(settings_from(config))
