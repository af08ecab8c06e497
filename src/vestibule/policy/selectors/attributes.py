"""`saml` and `oidc`: what the provider said of somebody in its own attributes.

A value matches exactly, or as one of several. An attribute that did not come is a doubt:
whether it does not apply or was never asked for cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vestibule.model.identity import Identity
from vestibule.model.values import Json
from vestibule.policy.match import Match
from vestibule.policy.selectors.selector import (
    Body,
    Field,
    Finding,
    Selector,
    decided,
    of_identity,
    says,
    text,
)


def values_of(value: Json) -> tuple[str, ...]:
    """The value, or each of several, as text; booleans as JSON writes them."""
    if isinstance(value, (list, tuple)):
        return tuple(_as_text(each) for each in cast("list[Json]", value))
    return (_as_text(value),)


def _as_text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _judge(provider: str, name: str, wanted: Json, identity: Identity, have: Body) -> Finding:
    if identity.idp_id != provider:
        return decided(False, f"signed in through {identity.idp_id}")
    if have.get(name) is None:
        return Finding(Match.UNKNOWN, note=f"the provider sent no {name}")
    value = have[name]
    if isinstance(value, Mapping):
        return Finding(Match.UNKNOWN, note=f"{name} is neither a value nor a list of values")
    found = values_of(value)
    return decided(_as_text(wanted) in found, ", ".join(found))


def _judge_saml(body: Body, identity: Identity) -> Finding:
    return _judge(
        body["identity_provider_id"],
        body["attribute_name"],
        body["attribute_value"],
        identity,
        identity.saml_attributes,
    )


def _judge_oidc(body: Body, identity: Identity) -> Finding:
    return _judge(
        body["identity_provider_id"],
        body["claim_name"],
        body["claim_value"],
        identity,
        identity.claims,
    )


_lacking = says("Your account lacks an attribute that this application asks for.")
_barred = says("An attribute of your account keeps it out of this application.")

SAML = Selector(
    name="saml",
    meaning="{identity_provider_id} says that {attribute_name} is {attribute_value}",
    judge=of_identity(_judge_saml),
    advice=_lacking,
    objection=_barred,
    fields=(
        Field("attribute_name", text),
        Field("attribute_value", text),
        Field("identity_provider_id", text),
    ),
    identity=True,
)

OIDC = Selector(
    name="oidc",
    meaning="{identity_provider_id} says that {claim_name} is {claim_value}",
    judge=of_identity(_judge_oidc),
    advice=_lacking,
    objection=_barred,
    fields=(
        Field("claim_name", text),
        Field("claim_value", text),
        Field("identity_provider_id", text),
    ),
    identity=True,
)
