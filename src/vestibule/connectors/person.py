"""From verified claims to the facts of a person: e-mail, name, groups, custom claims."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from vestibule.connectors.errors import SignInFailed
from vestibule.model.identity import IdentityGroup
from vestibule.model.values import Json
from vestibule.protocols.json_values import as_object, as_texts, text

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def email_of(claims: Mapping[str, Json], claim: str) -> str:
    """The e-mail address in `claim`; empty when there is none. Raises `SignInFailed`.

    One that the provider says is not verified is refused: anybody can claim it
    (identity.md 8.1, row 13).
    """
    value: Json = claims.get(claim)
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not is_email(value):
        raise SignInFailed(
            "The identity provider sent something that is not an e-mail address.",
            code="email_malformed",
            detail={"claim": claim},
        )
    verified: Json = claims.get("email_verified")
    unverified = verified is False or str(verified).lower() == "false"
    if unverified and value == claims.get("email"):
        raise SignInFailed(
            "The identity provider has not verified your e-mail address.",
            code="email_not_verified",
            detail={"claim": claim, "hint": "verify the address at the identity provider"},
        )
    return value


def is_email(value: str) -> bool:
    """Whether `value` is one address and can be mistaken for no other.

    A letter that becomes another one when folded (such as U+212A, which lower-cases to k)
    would let its owner pass for somebody else.
    """
    return (
        _EMAIL.fullmatch(value) is not None
        and value.isprintable()
        and unicodedata.normalize("NFKC", value) == value
        and not any(sign in value for sign in ',;<>"()[]\\')
    )


def name_of(claims: Mapping[str, Json]) -> str:
    """A name to show; empty when the provider gave none."""
    name = text(claims, "name") or " ".join(
        part for part in (text(claims, "given_name"), text(claims, "family_name")) if part
    )
    return "".join(character for character in name if character.isprintable())[:200]


def groups_of(claims: Mapping[str, Json]) -> tuple[IdentityGroup, ...] | None:
    """The groups in the claim `groups`, spelled in any case; None when there is no such claim.

    Raises `SignInFailed` when the list is not whole or cannot be read: a policy that keeps a
    group out would silently let its members in.
    """
    names = [name for name in claims if name.lower() == "groups"]
    elsewhere = as_object(claims.get("_claim_names")) or {}
    if any(name.lower() == "groups" for name in elsewhere):
        raise _unreadable("the token points elsewhere for the groups, being too many for it")
    if len(names) > 1:
        raise _unreadable("the token has several claims called groups")
    if not names or claims[names[0]] is None:
        return None
    groups = as_texts(claims[names[0]])
    if groups is None:
        raise _unreadable("the claim groups should be a list of texts")
    return as_groups(groups)


def as_groups(names: Iterable[str]) -> tuple[IdentityGroup, ...]:
    """Groups that are known by name only, each once."""
    return tuple(IdentityGroup(id=name, name=name) for name in dict.fromkeys(names) if name)


def custom_claims(
    wanted: Iterable[str], *sources: Mapping[str, Json]
) -> tuple[dict[str, Json], tuple[str, ...]]:
    """The configured claims that a source has, the first that has it, and those that none has.

    `groups` is left out: it is the list of groups, and not a field.
    """
    found: dict[str, Json] = {}
    missing: list[str] = []
    for name in wanted:
        if name.lower() == "groups":
            continue
        for source in sources:
            if source.get(name) is not None:
                found[name] = source[name]
                break
        else:
            missing.append(name)
    return found, tuple(missing)


def equivalents(
    amr: tuple[str, ...] | None, aliases: Mapping[str, str]
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The methods with the operator's equivalents added, and a note for each that was.

    Off unless configured (identity.md 2.5): what a provider said stays in the list.
    """
    if amr is None:
        return None, ()
    added = [
        (method, aliases[method])
        for method in amr
        if method in aliases and aliases[method] not in amr
    ]
    notes = tuple(f"amr {said} was also read as {meant}" for said, meant in added)
    return tuple(dict.fromkeys((*amr, *(meant for _, meant in added)))), notes


def _unreadable(reason: str) -> SignInFailed:
    return SignInFailed(
        "The identity provider's list of groups could not be read.",
        code="groups_unreadable",
        detail={"reason": reason},
    )
