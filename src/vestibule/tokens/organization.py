"""The global token: who signed in to the team domain (access.md 4.1, 13)."""

from __future__ import annotations

from vestibule.model.session import GlobalSession
from vestibule.model.values import Json
from vestibule.tokens.application import seconds


def organization_claims(
    *, issuer: str, auth_domain: str, session: GlobalSession, email: str, token_id: str
) -> dict[str, Json]:
    """Return the claims of a global token; it opens no application by itself."""
    return {
        "type": "org",
        "aud": [auth_domain],
        "iss": issuer,
        "sub": session.user_id,
        "email": email,
        "iat": seconds(session.created_at),
        "nbf": seconds(session.created_at),
        "exp": seconds(session.expires_at),
        "jti": token_id,
        "identity_nonce": session.id,
    }
