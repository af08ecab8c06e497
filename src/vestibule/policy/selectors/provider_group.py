"""`okta`, `azureAD`, `gsuite`, `github-organization`: groups that the provider told at login.

A rule names one provider; whoever came through another is not in its groups, whatever
theirs are called (identity.md 1.9). Okta's are known by name, Entra's by object id,
Google's by address, GitHub's as `organization` or `organization/team`.
"""

from __future__ import annotations

from collections.abc import Callable

from vestibule.model.identity import Identity, IdentityGroup
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


def _judge(is_it: Callable[[Body, IdentityGroup], bool]) -> Callable[[Body, Identity], Finding]:
    def judge(body: Body, identity: Identity) -> Finding:
        if identity.idp_id != body["identity_provider_id"]:
            return decided(False, f"signed in through {identity.idp_id}")
        for group in identity.groups:
            if is_it(body, group):
                return decided(True, group.name)
        return decided(False, f"{len(identity.groups)} other groups")

    return judge


def _okta(body: Body, group: IdentityGroup) -> bool:
    return group.name == body["name"]


def _entra(body: Body, group: IdentityGroup) -> bool:
    return group.id.lower() == body["id"].lower()


def _google(body: Body, group: IdentityGroup) -> bool:
    return body["email"].lower() in (group.id.lower(), group.name.lower())


def _github(body: Body, group: IdentityGroup) -> bool:
    team = body.get("team")
    wanted = f"{body['name']}/{team}" if team else body["name"]
    return wanted.lower() in (group.id.lower(), group.name.lower())


def _selector(
    name: str, meaning: str, is_it: Callable[[Body, IdentityGroup], bool], *fields: Field
) -> Selector:
    return Selector(
        name=name,
        meaning=meaning,
        judge=of_identity(_judge(is_it)),
        advice=says("Your account is not in a group that may open this application."),
        objection=says("Your account is in a group that is kept out of this application."),
        fields=(*fields, Field("identity_provider_id", text)),
        identity=True,
    )


OKTA = _selector(
    "okta", "{identity_provider_id} reports the group {name}", _okta, Field("name", text)
)
AZURE_AD = _selector(
    "azureAD", "{identity_provider_id} reports the group {id}", _entra, Field("id", text)
)
GSUITE = _selector(
    "gsuite", "{identity_provider_id} reports the group {email}", _google, Field("email", text)
)
GITHUB_ORGANIZATION = _selector(
    "github-organization",
    "{identity_provider_id} reports the organization {name}",
    _github,
    Field("name", text),
    Field("team", text, optional=True),
)
