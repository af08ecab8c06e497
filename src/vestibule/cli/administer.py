"""`revoke` and `keys`: take back what was given, and replace what signs it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from vestibule.app import Installation
from vestibule.cli.exits import Exit
from vestibule.cli.options import ConfigOption, JsonOption, installation_from
from vestibule.cli.output import fail, out, plain, print_json, reporting, table
from vestibule.flows.revoke import revoke as revoke_in_store
from vestibule.flows.revoke import revoke_user_by_email
from vestibule.flows.rotate_keys import rotate
from vestibule.model.errors import InvalidConfiguration, NotFound
from vestibule.model.machine import SigningKey
from vestibule.sessions.revocation import OfApplication, OfGrant, OfSession, Reach

REASON = "revoked from the command line"


def revoke(
    config: ConfigOption = None,
    user: Annotated[
        str | None, typer.Option(help="Everything of the person with this e-mail address.")
    ] = None,
    application: Annotated[
        str | None, typer.Option(help="Every token of this application (name or id).")
    ] = None,
    session: Annotated[
        str | None, typer.Option(help="One sign-in (identity_nonce) and all under it.")
    ] = None,
    grant: Annotated[str | None, typer.Option(help="One application token (its jti).")] = None,
    reason: Annotated[str, typer.Option(help="A sentence for the log.")] = REASON,
    as_json: JsonOption = False,
) -> None:
    """End sessions: of a person, an application, one sign-in, or one token."""
    if sum(one is not None for one in (user, application, session, grant)) != 1:
        fail("say one of --user, --application, --session and --grant", Exit.USAGE, as_json=as_json)
    with reporting(as_json=as_json):
        installation = installation_from(config)
        reached = _revoke(installation, user, application, session, grant, reason)
    if as_json:
        print_json({"sessions": list(reached.sessions), "grants": list(reached.grants)})
        return
    out.print(
        f"Ended {_counted(len(reached.sessions), 'session')} "
        f"and {_counted(len(reached.grants), 'grant')}."
    )


def _revoke(
    installation: Installation,
    user: str | None,
    application: str | None,
    session: str | None,
    grant: str | None,
    reason: str,
) -> Reach:
    """Revoke what the one option that was given names. Raises `NotFound`."""
    ports: dict[str, Any] = {
        "store": installation.store,
        "clock": installation.clock,
        "entropy": installation.entropy,
        "reason": reason,
    }
    if user is not None:
        return revoke_user_by_email(user, **ports)
    if application is not None:
        return revoke_in_store(
            OfApplication(_application_id(installation, application)),
            **ports,
        )
    if session is not None:
        return revoke_in_store(OfSession(session), **ports)
    return revoke_in_store(OfGrant(grant or ""), **ports)


def _application_id(installation: Installation, wanted: str) -> str:
    """The id of the application with that id or name. Raises `NotFound`."""
    applications = installation.store.configuration().applications
    if wanted in applications:
        return wanted
    named = [one.id for one in applications.values() if one.name == wanted]
    if not named:
        raise NotFound(f"there is no application called {wanted!r}")
    if len(named) > 1:
        raise InvalidConfiguration(
            f"several applications are called {wanted!r}: give one of the ids {', '.join(named)}",
            path="--application",
        )
    return named[0]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


keys = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Show or rotate the keys that sign tokens.",
)


@keys.command("list")
def list_keys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the signing keys; never their private halves."""
    with reporting(as_json=as_json), installation_from(config).store.reading() as records:
        known = sorted(records.signing_keys(), key=lambda key: key.created_at, reverse=True)
    if as_json:
        print_json([_key_json(key) for key in known])
        return
    rows = [
        (
            key.kid,
            _moment(key.created_at),
            "signs" if key.retired_at is None else f"verifies until {_moment(key.verify_until)}",
        )
        for key in known
    ]
    out.print(table("", ("kid", "made", "state"), rows))


@keys.command("rotate")
def rotate_keys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Sign with a new key from now on; what the old one signed stays good."""
    with reporting(as_json=as_json):
        installation = installation_from(config)
        made = rotate(store=installation.store, clock=installation.clock)
    if as_json:
        print_json(_key_json(made))
        return
    out.print(plain(f"The key {made.kid} signs from now on; nobody is signed out."))


def _key_json(key: SigningKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "created_at": key.created_at.isoformat(),
        "retired_at": key.retired_at.isoformat() if key.retired_at else None,
        "verify_until": key.verify_until.isoformat() if key.verify_until else None,
        "certificate": key.certificate_pem,
    }


def _moment(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else "never"
