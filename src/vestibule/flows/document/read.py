"""From the document to a configuration: names become ids, everything is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vestibule.flows.document.fields import Scope, mapping, read_fields, write_fields
from vestibule.flows.document.sections import ORGANIZATION, SECTIONS, Section, entry_list
from vestibule.flows.ports import Clock, Entropy
from vestibule.model.application import Application
from vestibule.model.configuration import Configuration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient, ServiceToken
from vestibule.model.organization import Organization
from vestibule.model.values import Json, Secret
from vestibule.tokens import service

ReadSecret = Callable[[Json, str], Secret]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document means: the wanted configuration, and secrets to be shown once."""

    configuration: Configuration
    minted: Mapping[str, tuple[str, Secret]]  # service token's name -> client id, secret


def scope_of(configuration: Configuration, read_secret: ReadSecret) -> Scope:
    """The names in use, for writing a configuration out."""
    names = {
        one.key: {id: value.name for id, value in getattr(configuration, one.key).items()}
        for one in SECTIONS
    }
    return Scope(ids=_by_name(names), names=names, read_secret=read_secret)


def _by_name(names: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Name to id for each section; a name that two things share stands for neither."""
    found: dict[str, dict[str, str]] = {}
    for key, section_names in names.items():
        once: dict[str, str] = {}
        twice: set[str] = set()
        for id, name in section_names.items():
            (twice.add(name) if name in once else once.update({name: id}))
        found[key] = {name: id for name, id in once.items() if name not in twice}
    return found


def read_document(
    document: Json,
    current: Configuration,
    *,
    read_secret: ReadSecret,
    entropy: Entropy,
    clock: Clock,
) -> Reading:
    """The configuration that `document` asks for, starting from `current`.

    A section that is absent stays as it is; one that is present replaces what there was.
    An entry is the same thing as before when its `id`, or else its name, is the same.
    Raises `InvalidConfiguration` with the path of the first thing that is wrong.
    """
    given = mapping(document, "document")
    known = {"version", "organization", *(one.key for one in SECTIONS)}
    for key in given:
        if key not in known:
            raise InvalidConfiguration(
                f"unknown section; known are {', '.join(sorted(known))}", path=key
            )
    if given.get("version", 1) != 1:
        raise InvalidConfiguration("this version of Vestibule reads version 1", path="version")
    present = scope_of(current, read_secret)
    entries = {
        one.key: _identified(one, given[one.key], present, entropy)
        for one in SECTIONS
        if given.get(one.key) is not None
    }
    names = dict(present.names)
    for key, found in entries.items():
        names[key] = {id: str(entry["name"]) for id, entry, _ in found}
    scope = Scope(ids=_by_name(names), names=names, read_secret=read_secret)
    minted: dict[str, tuple[str, Secret]] = {}
    wanted = current
    for one in SECTIONS:
        if one.key in entries:
            values = {
                id: _value(one, entry | {"id": id}, path, scope, current, entropy, clock, minted)
                for id, entry, path in entries[one.key]
            }
            wanted = replace(wanted, **{one.key: values})
    if given.get("organization") is not None:
        wanted = replace(
            wanted, organization=_organization(given["organization"], current.organization, scope)
        )
    return Reading(wanted, minted)


def _organization(document: Json, current: Organization, scope: Scope) -> Organization:
    values = read_fields(document, ORGANIZATION, "organization", scope)
    return Organization(id=current.id, **values)


def _identified(
    section: Section, document: Json, scope: Scope, entropy: Entropy
) -> list[tuple[str, dict[str, Json], str]]:
    """The entries with their ids: given, found by name, or new."""
    found: list[tuple[str, dict[str, Json], str]] = []
    seen: dict[str, str] = {}
    for entry, path in entry_list(document, section.key):
        name = entry.get("name")
        if not isinstance(name, str) or not name or len(name) > 350:
            raise InvalidConfiguration("expected a name of 1 to 350 characters", path=path)
        if name in seen:
            raise InvalidConfiguration(f"{name!r} is the name of {seen[name]} too", path=path)
        seen[name] = path
        id = entry.get("id") or scope.ids[section.key].get(name) or entropy.uuid()
        found.append((str(id), entry, path))
    return found


def _value(
    section: Section,
    entry: Mapping[str, Json],
    path: str,
    scope: Scope,
    current: Configuration,
    entropy: Entropy,
    clock: Clock,
    minted: dict[str, tuple[str, Secret]],
) -> Any:
    values = read_fields(dict(entry), section.fields, path, scope)
    before = getattr(current, section.key).get(values["id"])
    if section.kind is Application:
        aud = values.get("aud") or (before.aud if before else entropy.hexadecimal(32))
        values["created_at"] = before.created_at if before else clock.now()
        values["aud"] = aud
        return Application(**values)
    if section.kind is ServiceToken:
        return _service_token(values, before, entropy, clock, minted)
    if section.kind is IdentityProvider and before is not None:
        # A secret that is not written is kept: documents under version control omit them.
        values["secrets"] = {**before.secrets, **values.get("secrets", {})}
    if section.kind is ForwardAuthClient and "secret" not in values:
        if before is None:
            raise InvalidConfiguration("is required", path=f"{path}.secret")
        values["secret"] = before.secret
    return section.kind(**values)


def _service_token(
    values: dict[str, Any],
    before: ServiceToken | None,
    entropy: Entropy,
    clock: Clock,
    minted: dict[str, tuple[str, Secret]],
) -> ServiceToken:
    if before is not None:
        return replace(before, **values)
    secret = service.secret(entropy.hexadecimal(service.SECRET_ENTROPY))
    now = clock.now()
    duration = values.pop("duration", service.DEFAULT_DURATION)
    token = ServiceToken(
        client_id=service.client_id(entropy.hexadecimal(service.CLIENT_ID_ENTROPY)),
        secret_hash=service.hash_secret(secret.reveal()),
        duration=duration,
        expires_at=now + duration,
        created_at=now,
        **values,
    )
    minted[token.name] = (token.client_id, secret)
    return token


def write_document(configuration: Configuration) -> dict[str, Json]:
    """The whole configuration as one document, without secrets; `apply` of it changes nothing."""

    def no_secret(_: Json, path: str) -> Secret:
        raise InvalidConfiguration("secrets are not read here", path=path)

    scope = scope_of(configuration, no_secret)
    document: dict[str, Json] = {
        "version": 1,
        "organization": write_fields(configuration.organization, ORGANIZATION, scope),
    }
    for one in SECTIONS:
        values = getattr(configuration, one.key).values()
        if values:
            document[one.key] = [write_fields(value, one.fields, scope) for value in values]
    return document
