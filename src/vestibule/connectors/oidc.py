"""Any OpenID Connect provider (identity.md 1.4)."""

from __future__ import annotations

from collections.abc import Mapping

from vestibule.connectors import code_flow
from vestibule.connectors.base import Expected, ProbeResult, SignIn
from vestibule.connectors.configuration import Fields
from vestibule.connectors.errors import SignInFailed, fail
from vestibule.connectors.person import custom_claims, email_of, equivalents, groups_of, name_of
from vestibule.model.errors import VestibuleError
from vestibule.model.identity import Identity, IdentityProvider
from vestibule.model.values import Json
from vestibule.protocols.exchange import Exchange
from vestibule.protocols.jose import DEFAULT_ALGORITHMS, KNOWN_ALGORITHMS
from vestibule.protocols.json_values import as_object, as_texts, text
from vestibule.protocols.oauth2 import AUTH_METHODS
from vestibule.protocols.oidc import Metadata, discover, fetch_keys, fetch_userinfo
from vestibule.protocols.oidc.discovery import WELL_KNOWN

DEFAULT_SCOPES = ("openid", "email", "profile")


def common_fields(fields: Fields, secrets: frozenset[str]) -> None:
    """Take the fields that all OpenID Connect providers have. Raises `InvalidConfiguration`."""
    fields.client_id()
    if "client_secret" not in secrets:
        fields.refuse("client_secret", "is needed")
    scopes = fields.texts("scopes", DEFAULT_SCOPES)
    if "openid" not in scopes:
        fields.refuse("scopes", "expected openid among them: without it there is no ID token")
    fields.texts("claims")
    fields.text("email_claim_name")
    fields.flag("pkce_enabled", default=True)
    fields.choice("token_endpoint_auth_method", AUTH_METHODS)
    fields.choice("prompt", ("", "login", "select_account", "consent", "none"))
    fields.mapping("amr_equivalents")
    algorithms = fields.texts("algorithms", tuple(DEFAULT_ALGORITHMS))
    if unknown := sorted(set(algorithms) - KNOWN_ALGORITHMS):
        fields.refuse(
            "algorithms",
            f"expected some of {', '.join(sorted(KNOWN_ALGORITHMS))}, found {unknown[0]!r}",
        )


class GenericOidc:
    """The connector for `oidc`."""

    type = "oidc"

    def validate(
        self, config: Mapping[str, Json], secrets: frozenset[str], path: str
    ) -> Mapping[str, Json]:
        """Endpoints are given one by one, or found by `discovery_url` or `issuer`."""
        fields = Fields(config, path)
        common_fields(fields, secrets)
        given = [name for name in ("auth_url", "token_url", "certs_url") if fields.url(name)]
        fields.url("userinfo_url")
        discovery, issuer = fields.url("discovery_url"), fields.url("issuer")
        if len(given) < 3 and not (discovery or issuer):
            fields.refuse(
                "", "expected auth_url, token_url and certs_url, or discovery_url, or issuer"
            )
        return fields.finish()

    def begin(self, provider: IdentityProvider, sign_in: SignIn) -> Exchange[str]:
        """The authorization URL. Raises `SignInFailed`."""
        try:
            metadata = yield from self._metadata(provider)
        except VestibuleError as error:
            fail(error, "discovery")
        scopes = as_texts(provider.config.get("scopes")) or DEFAULT_SCOPES
        if sign_in.without_groups:
            scopes = tuple(scope for scope in scopes if scope != "groups")
        return code_flow.authorization(provider, metadata, sign_in, scopes)

    def complete(
        self,
        provider: IdentityProvider,
        answer: Mapping[str, tuple[str, ...]],
        expected: Expected,
    ) -> Exchange[Identity]:
        """The identity that the ID token proves. Raises `SignInFailed`."""
        try:
            metadata = yield from self._metadata(provider)
            verified = yield from code_flow.redeem(provider, metadata, answer, expected)
            extra = yield from self._userinfo(provider, metadata, verified)
        except VestibuleError as error:
            fail(error, "sign-in")
        return _identity(provider, verified, extra)

    def probe(self, provider: IdentityProvider) -> Exchange[ProbeResult]:
        """Whether its documents and keys can be read."""
        try:
            metadata = yield from self._metadata(provider)
            keys = yield from fetch_keys(metadata.jwks_uri)
        except VestibuleError as error:
            fail(error, "probe")
        warnings: list[str] = []
        if not keys.keys:
            warnings.append("the key set holds no key that ID tokens could be verified with")
        if metadata.issuer is None:
            warnings.append(
                "no issuer is configured, so any is accepted: set issuer to what the provider "
                "calls itself"
            )
        return ProbeResult(
            {"issuer": metadata.issuer or "", "keys": str(len(keys.keys))}, tuple(warnings)
        )

    def _metadata(self, provider: IdentityProvider) -> Exchange[Metadata]:
        """The endpoints: as configured, what is missing as discovered."""
        config = provider.config
        issuer = text(config, "issuer") or None
        url = text(config, "discovery_url") or (
            f"{issuer.rstrip('/')}{WELL_KNOWN}" if issuer else ""
        )
        given = Metadata(
            issuer=issuer,
            authorization_endpoint=text(config, "auth_url"),
            token_endpoint=text(config, "token_url"),
            jwks_uri=text(config, "certs_url"),
            userinfo_endpoint=text(config, "userinfo_url"),
        )
        complete = given.authorization_endpoint and given.token_endpoint and given.jwks_uri
        if complete and not text(config, "discovery_url"):
            return given
        found = yield from discover(url, issuer=issuer)
        return Metadata(
            issuer=found.issuer,
            authorization_endpoint=given.authorization_endpoint or found.authorization_endpoint,
            token_endpoint=given.token_endpoint or found.token_endpoint,
            jwks_uri=given.jwks_uri or found.jwks_uri,
            userinfo_endpoint=given.userinfo_endpoint or found.userinfo_endpoint,
            announces_issuer=found.announces_issuer,
            scopes=found.scopes,
        )

    def _userinfo(
        self, provider: IdentityProvider, metadata: Metadata, verified: code_flow.Verified
    ) -> Exchange[Mapping[str, Json]]:
        """More claims, asked for only where the ID token lacks something that is configured."""
        claims = verified.id_token.values
        wanted = as_texts(provider.config.get("claims")) or ()
        email_claim = text(provider.config, "email_claim_name") or "email"
        groups_wanted = any(name.lower() == "groups" for name in wanted)
        _, missing = custom_claims(wanted, claims)
        complete = (
            claims.get(email_claim)
            and not missing
            and not (groups_wanted and groups_of(claims) is None)
        )
        if complete or not metadata.userinfo_endpoint or not verified.tokens.access_token:
            return {}
        return (
            yield from fetch_userinfo(
                metadata.userinfo_endpoint,
                verified.tokens.access_token,
                subject=verified.id_token.subject,
            )
        )


def _identity(
    provider: IdentityProvider, verified: code_flow.Verified, extra: Mapping[str, Json]
) -> Identity:
    id_token, claims = verified.id_token, verified.id_token.values
    groups = groups_of(claims)
    if groups is None:
        groups = groups_of(extra)
    email = email_for(provider, claims, extra)
    custom, _ = custom_claims(as_texts(provider.config.get("claims")) or (), claims, extra)
    amr, notes = equivalents(id_token.amr, as_object(provider.config.get("amr_equivalents")) or {})
    if not text(provider.config, "issuer") and not text(provider.config, "discovery_url"):
        notes = (*notes, f"any issuer is accepted; this one was {id_token.claims.issuer[:200]}")
    return Identity(
        idp_id=provider.id,
        idp_type=provider.type,
        subject=id_token.subject,
        email=email,
        name=name_of(claims) or name_of(extra),
        groups=groups or (),
        amr=amr,
        acr=id_token.acr,
        authenticated_at=id_token.authenticated_at,
        claims=custom,
        notes=notes,
    )


def email_for(provider: IdentityProvider, *sources: Mapping[str, Json]) -> str:
    """The person's e-mail address, from the first source that has one. Raises `SignInFailed`."""
    claim = text(provider.config, "email_claim_name") or "email"
    for source in sources:
        if email := email_of(source, claim):
            return email
    raise SignInFailed(
        "User email was not returned by the identity provider.",
        code="email_missing",
        detail={
            "claim": claim,
            "hint": "grant the scope email, or set email_claim_name to the claim that holds it",
        },
    )
