"""Okta, both kinds of its authorization servers (identity.md 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vestibule.connectors import code_flow
from vestibule.connectors.base import Expected, ProbeResult, SignIn
from vestibule.connectors.configuration import Fields
from vestibule.connectors.errors import RetryWithoutGroups, SignInFailed, fail
from vestibule.connectors.oidc import common_fields, email_for
from vestibule.connectors.okta_account import (
    account_of,
    check_server_id,
    endpoints,
    normalise_account,
)
from vestibule.connectors.okta_errors import (
    TOO_MANY_GROUPS_HINT,
    failed_answer,
    groups_failed,
    is_too_many_groups,
    refusal,
)
from vestibule.connectors.okta_groups import TRIGGER, check_token, groups_from_api
from vestibule.connectors.okta_userinfo import Userinfo, ask_userinfo
from vestibule.connectors.person import custom_claims, equivalents, groups_of, name_of
from vestibule.model.errors import VestibuleError
from vestibule.model.identity import Identity, IdentityGroup, IdentityProvider
from vestibule.model.values import Json, Secret
from vestibule.protocols.exchange import Exchange, Request
from vestibule.protocols.jose import Reason, TokenRejected, parse_object
from vestibule.protocols.json_values import as_object, as_texts, text
from vestibule.protocols.oauth2 import AuthorizationRefused, OAuthFailure

DEFAULT_SCOPES = ("openid", "email", "profile", "groups")
_ENGINES = {"idx": "Identity Engine", "v1": "Classic Engine"}


class Okta:
    """The connector for `okta`."""

    type = "okta"

    def validate(
        self, config: Mapping[str, Json], secrets: frozenset[str], path: str
    ) -> Mapping[str, Json]:
        """The account becomes an https origin; everything else is as OpenID Connect has it."""
        fields = Fields(config, path)
        account = fields.text("okta_account", required=True)
        fields.keep("okta_account", normalise_account(account, f"{path}.okta_account"))
        check_server_id(fields.text("authorization_server_id"), f"{path}.authorization_server_id")
        common_fields(fields, secrets)
        return fields.finish()

    def begin(self, provider: IdentityProvider, sign_in: SignIn) -> Exchange[str]:
        """The authorization URL; nothing needs to be asked for it."""
        yield from ()
        scopes = as_texts(provider.config.get("scopes")) or DEFAULT_SCOPES
        if sign_in.without_groups:
            scopes = tuple(scope for scope in scopes if scope != "groups")
        if sign_in.max_age == 0:
            # The Classic Engine does not take 0 for "sign in again", but 1 (identity.md 2.2).
            sign_in = replace(sign_in, max_age=1)
        return code_flow.authorization(provider, endpoints(provider.config), sign_in, scopes)

    def complete(
        self,
        provider: IdentityProvider,
        answer: Mapping[str, tuple[str, ...]],
        expected: Expected,
    ) -> Exchange[Identity]:
        """The identity with all its groups. Raises `SignInFailed` or `RetryWithoutGroups`."""
        metadata = endpoints(provider.config)
        try:
            verified = yield from code_flow.redeem(provider, metadata, answer, expected)
        except AuthorizationRefused as error:
            if is_too_many_groups(error):
                raise _too_many_groups(provider, expected) from error
            raise refusal(error) from error
        except TokenRejected as error:
            _explain_issuer(error, provider)
            fail(error, "sign-in")
        except OAuthFailure as error:
            if error.answer is not None and error.answer.status in (403, 429):
                raise failed_answer(error.answer, "token exchange", blocked=True) from error
            fail(error, "sign-in")
        except VestibuleError as error:
            fail(error, "sign-in")
        userinfo = yield from ask_userinfo(provider, metadata, verified)
        groups, notes = yield from _groups(provider, verified, userinfo, expected)
        return _identity(provider, verified, userinfo, groups, notes)

    def probe(self, provider: IdentityProvider) -> Exchange[ProbeResult]:
        """Which engine the organisation runs, and whether the API token lives (2.5, 2.7)."""
        account = account_of(provider.config)
        url = f"{account}/.well-known/okta-organization"
        try:
            answer = yield Request("GET", url, headers={"Accept": "application/json"})
            if answer.status != 200:
                raise OAuthFailure(f"{url} answered {answer.status}", answer=answer)
            organisation = parse_object(answer.body, "the description of the organisation")
        except VestibuleError as error:
            raise SignInFailed(
                f"{account} does not answer as an Okta organisation",
                code="okta_account",
                detail={"reason": error.message, "hint": "compare okta_account with Okta"},
            ) from error
        pipeline = text(organisation, "pipeline")
        warnings: list[str] = []
        if pipeline == "idx" and not as_object(provider.config.get("amr_equivalents")):
            warnings.append(
                "this organisation runs the Identity Engine, which reports a security key as "
                "amr pop, not hwk: require pop, or set amr_equivalents to {pop: hwk}"
            )
        token = _api_token(provider)
        if token is None:
            warnings.append(
                "no api_token is set: people in more groups than Okta puts into a token cannot "
                "sign in"
            )
        else:
            warnings += yield from _token_warnings(account, token)
        facts = {"id": text(organisation, "id"), "engine": _ENGINES.get(pipeline, pipeline)}
        return ProbeResult(facts, tuple(warnings))


def _token_warnings(account: str, token: Secret) -> Exchange[list[str]]:
    answer = yield from check_token(account, token)
    if answer.status == 200:
        return []
    failure = failed_answer(answer, "probe", blocked=answer.status == 403)
    return [f"the API token does not work ({answer.status}): {failure.detail['hint']}"]


def _api_token(provider: IdentityProvider) -> Secret | None:
    token = provider.secrets.get("api_token") or provider.secrets.get("okta_api_token")
    # A token that was read from a file brings that file's last line break.
    value = token.reveal().strip() if token is not None else ""
    return Secret(value) if value else None


def _too_many_groups(provider: IdentityProvider, expected: Expected) -> SignInFailed:
    """Begin once more where the API can give what the token cannot (2.4, step 2)."""
    if _api_token(provider) is not None and not expected.without_groups:
        return RetryWithoutGroups()
    return groups_failed("too_many_groups", "token exchange", TOO_MANY_GROUPS_HINT)


def _explain_issuer(error: TokenRejected, provider: IdentityProvider) -> None:
    """A custom domain gives the issuer another host than the one configured (2.1)."""
    if error.reason is Reason.ISSUER:
        raise SignInFailed(
            "The identity provider's answer could not be verified.",
            code="id_token_issuer",
            detail={
                "reason": error.message,
                "hint": f"okta_account is {account_of(provider.config)}: make it the issuer that "
                "the application or authorization server uses in Okta (Okta URL or custom URL)",
            },
        ) from error


def _groups(
    provider: IdentityProvider,
    verified: code_flow.Verified,
    userinfo: Userinfo,
    expected: Expected,
) -> Exchange[tuple[tuple[IdentityGroup, ...], tuple[str, ...]]]:
    """The whole list of groups, by the decision of identity.md 2.4, and notes about it."""
    claimed: tuple[IdentityGroup, ...] | None = None
    if not expected.without_groups:
        claimed = groups_of(verified.id_token.values)
        if claimed is None:
            claimed = groups_of(userinfo.claims)
    token = _api_token(provider)
    if token is not None and (claimed is None or len(claimed) >= TRIGGER):
        listed = yield from groups_from_api(
            account_of(provider.config), token, verified.id_token.subject
        )
        return listed, (f"groups were read from Okta's API ({len(listed)})",)
    if claimed is not None:
        return claimed, ()
    if userinfo.failure is not None:
        raise userinfo.failure
    if expected.without_groups:
        raise groups_failed("too_many_groups", "groups", TOO_MANY_GROUPS_HINT)
    # Nothing failed: Okta was asked twice and has no groups claim for this application.
    return (), (
        "Okta sent no groups claim: to use groups, set the application's groups claim filter "
        "to groups, Matches regex, .*",
    )


def _identity(
    provider: IdentityProvider,
    verified: code_flow.Verified,
    userinfo: Userinfo,
    groups: tuple[IdentityGroup, ...],
    notes: tuple[str, ...],
) -> Identity:
    id_token, claims = verified.id_token, verified.id_token.values
    wanted = as_texts(provider.config.get("claims")) or ()
    custom, _ = custom_claims(wanted, claims, userinfo.claims)
    aliases = as_object(provider.config.get("amr_equivalents")) or {}
    amr, added = equivalents(id_token.amr, aliases)
    return Identity(
        idp_id=provider.id,
        idp_type=provider.type,
        subject=id_token.subject,
        email=email_for(provider, claims, userinfo.claims),
        name=name_of(claims) or name_of(userinfo.claims),
        groups=groups,
        amr=amr,
        acr=id_token.acr,
        authenticated_at=id_token.authenticated_at,
        claims=custom,
        notes=(*notes, *added),
    )
