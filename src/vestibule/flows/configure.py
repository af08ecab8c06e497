"""Change the configuration: compare, show the difference, write it in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vestibule.connectors import CONNECTORS
from vestibule.flows.document.fields import write_fields
from vestibule.flows.document.read import scope_of
from vestibule.flows.document.sections import ORGANIZATION, SECTIONS, Section
from vestibule.flows.judge import judge
from vestibule.flows.ports import Store
from vestibule.model.configuration import Configuration
from vestibule.model.errors import Conflict
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient
from vestibule.model.values import Json, Secret


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. `lines` are `-`/`+` lines without secrets."""

    verb: str  # create, update, delete
    section: str
    id: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to get from one configuration to another."""

    current: Configuration
    wanted: Configuration
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes


def plan_changes(current: Configuration, wanted: Configuration) -> Plan:
    """Judge `wanted` and say how it differs. Raises `InvalidConfiguration`."""
    wanted, warnings = judge(wanted, CONNECTORS)
    changes = list(_organization_change(current, wanted))
    for section in SECTIONS:
        changes.extend(_section_changes(section, current, wanted))
    return Plan(current, wanted, tuple(changes), warnings)


def apply_plan(plan: Plan, store: Store) -> int:
    """Write the changes; returns the new revision.

    Raises `Conflict` when somebody changed the configuration since the plan was made.
    """
    with store.transaction() as records:
        if records.configuration().revision != plan.current.revision:
            raise Conflict("the configuration was changed meanwhile; look at the difference anew")
        for change in plan.changes:
            if change.section == "organization":
                records.put_organization(plan.wanted.organization)
            elif change.verb != "delete":
                records.put(getattr(plan.wanted, change.section)[change.id])
        for section in reversed(SECTIONS):
            for change in plan.changes:
                if change.section == section.key and change.verb == "delete":
                    records.delete(section.kind, change.id)
    return store.configuration().revision


def _organization_change(current: Configuration, wanted: Configuration) -> Iterable[Change]:
    if current.organization == wanted.organization:
        return
    scopes = (scope_of(current, _unread), scope_of(wanted, _unread))
    before = write_fields(current.organization, ORGANIZATION, scopes[0])
    after = write_fields(wanted.organization, ORGANIZATION, scopes[1])
    name = wanted.organization.name
    yield Change("update", "organization", "", name, _difference(before, after))


def _section_changes(
    section: Section, current: Configuration, wanted: Configuration
) -> Iterable[Change]:
    before: Mapping[str, Any] = getattr(current, section.key)
    after: Mapping[str, Any] = getattr(wanted, section.key)
    if before == after:
        return
    old_scope, new_scope = scope_of(current, _unread), scope_of(wanted, _unread)
    for id, value in after.items():
        old = before.get(id)
        if old == value:
            continue
        verb = "create" if old is None else "update"
        was = {} if old is None else write_fields(old, section.fields, old_scope)
        lines = _difference(was, write_fields(value, section.fields, new_scope))
        yield Change(verb, section.key, id, value.name, lines + _secret_lines(old, value))
    for id, value in before.items():
        if id not in after:
            lines = _difference(write_fields(value, section.fields, old_scope), {})
            yield Change("delete", section.key, id, value.name, lines)


def _difference(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[str, ...]:
    lines: list[str] = []
    for key in [*before, *(key for key in after if key not in before)]:
        if before.get(key) == after.get(key):
            continue
        if key in before:
            lines.append(f"- {key}: {_inline(before[key])}")
        if key in after:
            lines.append(f"+ {key}: {_inline(after[key])}")
    return tuple(lines)


def _inline(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _secret_lines(before: Any, after: Any) -> tuple[str, ...]:
    """Say that a secret changes, never what it is."""
    if isinstance(after, IdentityProvider):
        old: Mapping[str, Secret] = before.secrets if isinstance(before, IdentityProvider) else {}
        return tuple(
            f"~ secrets.{name}: ***"
            for name in after.secrets
            if after.secrets[name] != old.get(name)
        )
    if isinstance(after, ForwardAuthClient):
        old_secret = before.secret if isinstance(before, ForwardAuthClient) else None
        return () if after.secret == old_secret else ("~ secret: ***",)
    return ()


def _unread(_: Json, path: str) -> Secret:
    raise AssertionError(f"no secret is read while comparing ({path})")
