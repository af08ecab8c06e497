"""The table of commands. Each is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    # name: (module, function, one line of help)
    "demo": ("demo", "demo", "Run everything with sample applications and a simulated Okta."),
    "init": ("run", "init", "Make an installation: database, sealing key, signing key."),
    "up": ("run", "up", "Run the control plane and the gateway."),
    "serve": ("run", "serve", "Run the control plane alone."),
    "gateway": ("run", "gateway", "Run the gateway (Envoy) alone."),
    "check-config": (
        "configuration",
        "check_config",
        "Judge settings and a document; run nothing.",
    ),
    "apply": ("configuration", "apply", "Make the configuration what a document says."),
    "export": ("configuration", "export", "Write the whole configuration as one document."),
    "schema": ("configuration", "schema", "Print the JSON schema of settings or document."),
    "doctor": ("doctor", "doctor", "Say what is wrong with an installation, and the remedy."),
    "logs": ("logs", "logs", "Show decisions; `--why CODE` explains one."),
    "revoke": ("administer", "revoke", "End sessions: of a person, an application, one sign-in."),
    "service-token": (
        "service_tokens",
        "service_token",
        "Create, rotate, disable a machine's token.",
    ),
    "keys": ("administer", "keys", "Show or rotate the keys that sign tokens."),
    "backup": ("state", "backup", "Write the whole state into one file."),
    "restore": ("state", "restore", "Bring a backup back."),
    "migrate": ("state", "migrate_schema", "Bring the database to this version's schema, or back."),
    "login": ("terminal", "login", "Sign in to an application from a terminal, by browser."),
    "token": ("terminal", "token", "Print the token of an application."),
    "curl": ("terminal", "curl", "Run curl against an application, signed in."),
    "version": ("run", "version", "Print versions."),
}


def _nothing() -> None:
    """Stands in for a command whose name and help line are all that is wanted."""


class Commands(TyperGroup):
    """A group that knows its commands by name and loads each when it is wanted."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What lists of commands need: a name and a help line. Nothing is loaded for it."""
        if cmd_name not in COMMANDS:
            return None
        return _command(cmd_name, _nothing, COMMANDS[cmd_name][2])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is about to run, or to be completed."""
        if args and args[0] not in COMMANDS:
            # Whoever mistypes a name is told the nearest ones.
            self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}
        name, command, rest = super().resolve_command(ctx, args)
        return name, (_loaded(name) if name and command else command), rest


def _loaded(name: str) -> Any:
    module, function, _ = COMMANDS[name]
    loaded: Any = getattr(importlib.import_module(f"vestibule.cli.{module}"), function)
    if isinstance(loaded, typer.Typer):
        group = typer.main.get_command(loaded)
        group.name = name
        return group
    return _command(name, loaded, loaded.__doc__)


def _command(name: str, function: Callable[..., None], help_text: str) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name=name, help=help_text)(function)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Vestibule: a self-hosted identity-aware access gateway.",
)


@app.callback()
def _root() -> None:  # pyright: ignore[reportUnusedFunction] - typer calls it
    """Vestibule: a self-hosted identity-aware access gateway."""


def main() -> None:
    """Run the command that was asked for."""
    app()
