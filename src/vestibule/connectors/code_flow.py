"""The authorization code flow that all OpenID Connect connectors share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vestibule.connectors.base import Expected, SignIn
from vestibule.connectors.errors import SignInFailed
from vestibule.model.identity import IdentityProvider
from vestibule.model.values import Secret
from vestibule.protocols.exchange import Exchange
from vestibule.protocols.jose import DEFAULT_ALGORITHMS, KeySet
from vestibule.protocols.json_values import as_texts, text
from vestibule.protocols.oauth2 import (
    AuthorizationRequest,
    Client,
    Tokens,
    authorization_url,
    parse_callback,
    redeem_code,
)
from vestibule.protocols.oidc import (
    IdToken,
    IdTokenExpectations,
    Metadata,
    verify_id_token,
    verify_with_published_keys,
)


@dataclass(frozen=True, slots=True)
class Verified:
    """A sign-in that was proved: what the ID token says, and the tokens it came with."""

    id_token: IdToken
    tokens: Tokens


def authorization(
    provider: IdentityProvider, metadata: Metadata, sign_in: SignIn, scopes: tuple[str, ...]
) -> str:
    """The URL that the browser is sent to."""
    with_pkce = provider.config.get("pkce_enabled", True) is True
    return authorization_url(
        metadata.authorization_endpoint,
        AuthorizationRequest(
            client_id=text(provider.config, "client_id"),
            redirect_uri=sign_in.redirect_uri,
            scope=" ".join(scopes),
            state=sign_in.state,
            nonce=sign_in.nonce,
            code_challenge=sign_in.code_challenge if with_pkce else "",
            prompt=sign_in.prompt or text(provider.config, "prompt"),
            max_age=sign_in.max_age,
            acr_values=sign_in.acr_values,
            login_hint=sign_in.login_hint,
        ),
    )


def redeem(
    provider: IdentityProvider,
    metadata: Metadata,
    answer: Mapping[str, tuple[str, ...]],
    expected: Expected,
) -> Exchange[Verified]:
    """From the callback's parameters to a verified ID token.

    Raises the protocols' own errors: `OAuthFailure`, `TokenRejected`, `OutboundError`.
    """
    code = parse_callback(
        answer, issuer=metadata.issuer, issuer_announced=metadata.announces_issuer
    )
    with_pkce = provider.config.get("pkce_enabled", True) is True
    tokens = yield from redeem_code(
        metadata.token_endpoint,
        _client(provider),
        code=code,
        redirect_uri=expected.redirect_uri,
        code_verifier=expected.code_verifier if with_pkce else "",
    )
    expectations = IdTokenExpectations(
        client_id=text(provider.config, "client_id"),
        issuer=metadata.issuer,
        nonce=expected.nonce,
        now=expected.now,
        algorithms=frozenset(as_texts(provider.config.get("algorithms")) or DEFAULT_ALGORITHMS),
        access_token=tokens.access_token,
        max_age=expected.max_age,
        acr_values=expected.acr_values,
    )

    def verify(keys: KeySet) -> IdToken:
        return verify_id_token(tokens.id_token, keys, expectations)

    id_token = yield from verify_with_published_keys(metadata.jwks_uri, verify)
    return Verified(id_token, tokens)


def _client(provider: IdentityProvider) -> Client:
    kept = provider.secrets.get("client_secret")
    # A secret that was read from a file brings that file's last line break.
    secret = Secret(kept.reveal().strip()) if kept is not None else Secret("")
    if not secret.reveal():
        raise SignInFailed(
            "The identity provider is not set up completely.",
            code="client_secret_missing",
            detail={"hint": "set the client secret of this identity provider"},
        )
    method = text(provider.config, "token_endpoint_auth_method")
    client_id = text(provider.config, "client_id")
    return Client(client_id, secret, method) if method else Client(client_id, secret)
