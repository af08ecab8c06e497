"""`logs`: what was decided, and why."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, cast

import typer
from rich.text import Text

from vestibule.cli.exits import Exit
from vestibule.cli.options import ConfigOption, JsonOption, installation_from
from vestibule.cli.output import fail, out, plain, print_json, reporting, table
from vestibule.flows.ports import LogQuery
from vestibule.model.access_log import AccessRecord
from vestibule.model.durations import parse_duration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.values import Json


def logs(
    config: ConfigOption = None,
    why: Annotated[str | None, typer.Option(help="Explain the decision with this code.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this e-mail address.")] = None,
    since: Annotated[
        str | None, typer.Option(help="A time (RFC 3339) or a duration back, such as 2h.")
    ] = None,
    denied: Annotated[bool, typer.Option("--denied", help="Only refusals.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show decisions, newest first; `--why CODE` explains one by its reference code."""
    with reporting(as_json=as_json):
        installation = installation_from(config)
        query = LogQuery(
            ray_id=why.strip().lower() if why else None,
            user_email=user,
            since=_moment(since, installation.clock.now()) if since else None,
            allowed=False if denied else None,
            limit=limit,
        )
        with installation.store.reading() as records:
            found = records.access_log(query)
    if why and not found:
        fail(f"no decision has the reference {why!r}", as_json=as_json)
    if as_json:
        print_json([_json(record) for record in found])
    elif why:
        for record in found:
            _explain(record)
    else:
        out.print(table("", ("time", "code", "what", "who", "where", "why"), map(_row, found)))
    raise typer.Exit(Exit.OK)


def _moment(text: str, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        pass
    try:
        back: timedelta = parse_duration(text)
    except (InvalidConfiguration, ValueError) as error:
        raise InvalidConfiguration(
            f"expected a time such as 2026-01-31T12:00:00Z or a duration such as 2h, "
            f"found {text!r}",
            path="--since",
        ) from error
    return now - back


def _json(record: AccessRecord) -> Json:
    return {
        name: value for name, value in asdict(record).items() if value not in ("", (), {}, None)
    }


def _row(record: AccessRecord) -> tuple[str, ...]:
    return (
        record.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        record.ray_id,
        f"{record.action} {'allowed' if record.allowed else 'refused'}",
        record.user_email or record.service_token_id or record.ip_address,
        record.application_domain or record.host,
        record.reason,
    )


def _explain(record: AccessRecord) -> None:
    """One decision in full: the sentence, the facts, then each policy and each rule."""
    verdict = "allowed" if record.allowed else "refused"
    out.print(
        Text(f"{record.action} {verdict}", style="bold green" if record.allowed else "bold red")
        + plain(f"  {record.ray_id}  {record.created_at.isoformat()}")
    )
    if record.reason:
        out.print(plain(record.reason))
    skip = {"trace", "facts", "ray_id", "created_at", "action", "allowed", "reason"}
    facts = {name: value for name, value in _json(record).items() if name not in skip}
    rows = [(name, str(value)) for name, value in {**facts, **dict(record.facts)}.items()]
    out.print(table("", ("fact", "value"), rows))
    if record.trace:
        out.print("Trace", style="bold")
        _walk(record.trace, 1)
    out.print()


def _walk(value: Json, depth: int) -> None:
    """The engine's explanation, indented."""
    pad = "  " * depth
    if isinstance(value, dict):
        for key, item in cast("dict[str, Json]", value).items():
            if isinstance(item, dict | list) and item:
                out.print(plain(f"{pad}{key}:"))
                _walk(item, depth + 1)
            elif item not in (None, "", [], {}):
                out.print(plain(f"{pad}{key}: {item}"))
    elif isinstance(value, list):
        for item in cast("list[Json]", value):
            _walk(item, depth)
            out.print(plain(f"{pad}-")) if isinstance(item, dict) and depth < 2 else None
    else:
        out.print(plain(f"{pad}{value}"))
