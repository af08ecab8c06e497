"""`service-token`: what machines present. A secret is shown once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from vestibule.app import Installation
from vestibule.cli.options import ConfigOption, JsonOption, YesOption, installation_from
from vestibule.cli.output import agreed, out, plain, print_json, reporting, table
from vestibule.flows import service_tokens as flows
from vestibule.model.durations import format_duration, parse_duration
from vestibule.model.errors import InvalidConfiguration, NotFound
from vestibule.model.machine import ServiceToken
from vestibule.tokens.service import DEFAULT_DURATION

WhichArgument = Annotated[str, typer.Argument(metavar="ID|NAME", help="Which service token.")]

service_token = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Create, rotate, disable a machine's token.",
)


@service_token.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    config: ConfigOption = None,
    duration: Annotated[str, typer.Option(help="How long it serves.")] = format_duration(
        DEFAULT_DURATION
    ),
    as_json: JsonOption = False,
) -> None:
    """Make a service token and show its secret, this once."""
    with reporting(as_json=as_json):
        lasting = parse_duration(duration, "--duration")
        installation = installation_from(config)
        made = flows.create(
            name,
            store=installation.store,
            clock=installation.clock,
            entropy=installation.entropy,
            duration=lasting,
        )
    _show_secret(made, as_json=as_json)


@service_token.command("list")
def list_tokens(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the service tokens; never their secrets."""
    with reporting(as_json=as_json):
        installation = installation_from(config)
        tokens = list(installation.store.configuration().service_tokens.values())
        now = installation.clock.now()
    if as_json:
        print_json([_json(token) for token in tokens])
        return
    rows = [
        (
            token.name,
            token.id,
            token.client_id,
            _state(token, now),
            _moment(token.expires_at),
            _moment(token.last_seen_at),
        )
        for token in tokens
    ]
    out.print(table("", ("name", "id", "client id", "state", "expires", "last seen"), rows))


@service_token.command("rotate")
def rotate(
    which: WhichArgument,
    config: ConfigOption = None,
    grace: Annotated[
        str, typer.Option(help="How long the previous secret still serves (at most 720h).")
    ] = "0s",
    as_json: JsonOption = False,
) -> None:
    """Give a service token a new secret and show it, this once."""
    with reporting(as_json=as_json):
        lasting = parse_duration(grace, "--grace")
        installation = installation_from(config)
        now = installation.clock.now()
        changed = flows.rotate(
            _id(installation, which),
            store=installation.store,
            clock=installation.clock,
            entropy=installation.entropy,
            previous_expires_at=now + lasting if lasting else None,
        )
    _show_secret(changed, as_json=as_json)


@service_token.command("refresh")
def refresh(which: WhichArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Add a year to a service token's life."""
    with reporting(as_json=as_json):
        installation = installation_from(config)
        changed = flows.refresh(_id(installation, which), store=installation.store)
    _tell(changed, f"serves until {_moment(changed.expires_at)}", as_json=as_json)


@service_token.command("enable")
def enable(which: WhichArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Switch a service token on."""
    with reporting(as_json=as_json):
        changed = _switch(installation_from(config), which, enabled=True)
    _tell(changed, "is on", as_json=as_json)


@service_token.command("disable")
def disable(which: WhichArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Switch a service token off; what it was given stops counting."""
    with reporting(as_json=as_json):
        changed = _switch(installation_from(config), which, enabled=False)
    _tell(changed, "is off", as_json=as_json)


@service_token.command("delete")
def delete(
    which: WhichArgument,
    config: ConfigOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a service token; what it was given stops counting."""
    with reporting(as_json=as_json):
        installation = installation_from(config)
        id = _id(installation, which)
        token = installation.store.configuration().service_tokens[id]
        agreed(f"Delete the service token {token.name}?", yes=yes, as_json=as_json)
        flows.delete(
            id,
            store=installation.store,
            clock=installation.clock,
            entropy=installation.entropy,
        )
    _tell(token, "is deleted", as_json=as_json)


def _id(installation: Installation, wanted: str) -> str:
    """The id of the service token with that id, client id or name. Raises `NotFound`."""
    tokens = installation.store.configuration().service_tokens
    if wanted in tokens:
        return wanted
    found = [one.id for one in tokens.values() if wanted in (one.name, one.client_id)]
    if not found:
        raise NotFound(f"there is no service token called {wanted!r}")
    if len(found) > 1:
        raise InvalidConfiguration(
            f"several service tokens are called {wanted!r}: give one of the ids {', '.join(found)}"
        )
    return found[0]


def _switch(installation: Installation, which: str, *, enabled: bool) -> ServiceToken:
    return flows.switch(
        _id(installation, which),
        enabled=enabled,
        store=installation.store,
        clock=installation.clock,
        entropy=installation.entropy,
    )


def _show_secret(made: flows.NewSecret, *, as_json: bool) -> None:
    if as_json:
        print_json({**_json(made.token), "client_secret": made.secret.reveal()})
        return
    out.print(plain(f"service token {made.token.name}: shown this once"), style="bold")
    out.print(plain(f"    CF-Access-Client-Id: {made.token.client_id}"))
    out.print(plain(f"    CF-Access-Client-Secret: {made.secret.reveal()}"))
    out.print(plain(f"    id: {made.token.id}"))
    out.print(plain(f"    expires: {_moment(made.token.expires_at)}"))


def _tell(token: ServiceToken, said: str, *, as_json: bool) -> None:
    print_json(_json(token)) if as_json else out.print(
        plain(f"The service token {token.name} {said}.")
    )


def _state(token: ServiceToken, now: datetime) -> str:
    if token.expires_at <= now:
        return "expired"
    return "on" if token.enabled else "off"


def _json(token: ServiceToken) -> dict[str, Any]:
    previous = token.previous_secret_expires_at
    return {
        "id": token.id,
        "name": token.name,
        "client_id": token.client_id,
        "enabled": token.enabled,
        "duration": format_duration(token.duration),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "last_seen_at": token.last_seen_at.isoformat() if token.last_seen_at else None,
        "previous_client_secret_expires_at": previous.isoformat() if previous else None,
    }


def _moment(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else "never"
