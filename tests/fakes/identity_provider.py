"""An OpenID provider in memory: signs what a test wants it to say, over a `FakeNetwork`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwk, jws

from tests.fakes.network import FakeNetwork, json_response
from vestibule.model.identity import IdentityProvider
from vestibule.model.values import Secret
from vestibule.protocols.exchange import Request, Response

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ISSUER = "https://idp.example"
CLIENT_ID, CLIENT_SECRET = "vestibule", "a-secret"
REDIRECT_URI = "https://team.example/cdn-cgi/access/callback"


@lru_cache
def rsa_key(name: str) -> jwk.RSAKey:
    """A key of its own for each name; making one takes a while."""
    return jwk.RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


def public_jwk(key: jwk.Key) -> dict[str, Any]:
    """The half that a provider publishes."""
    return dict(key.as_dict(private=False))


@dataclass
class FakeProvider:
    """Answers discovery, keys, token and userinfo requests at `issuer`.

    `claims` overrides what the ID token says (None leaves a claim out), `key` signs it and
    `published` are the keys that others see. `userinfo` None answers 401.
    """

    network: FakeNetwork = field(default_factory=FakeNetwork)
    issuer: str = ISSUER
    endpoints: str = ISSUER
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    key: jwk.Key = field(default_factory=lambda: rsa_key("key-1"))
    published: list[jwk.Key] = field(default_factory=lambda: [rsa_key("key-1")])
    userinfo: dict[str, Any] | None = None
    nonce: str = "a-nonce"
    metadata: dict[str, Any] = field(default_factory=dict)
    token_answer: Response | Exception | None = None

    def __post_init__(self) -> None:
        base = self.endpoints
        self.network.on("GET", f"{self.issuer}/.well-known/openid-configuration", self._discovery)
        self.network.on("GET", f"{base}/keys", self._keys)
        self.network.on("POST", f"{base}/token", self._token)
        self.network.on("GET", f"{base}/userinfo", self._userinfo)

    def configured(
        self, config: Mapping[str, Any] | None = None, type: str = "oidc"
    ) -> IdentityProvider:
        """This provider as an operator configures it by its issuer."""
        wanted = {"client_id": CLIENT_ID, "issuer": self.issuer, **(config or {})}
        return IdentityProvider(
            id="idp-1",
            name="Example",
            type=type,
            config=wanted,
            secrets={"client_secret": Secret(CLIENT_SECRET)},
        )

    def id_token(self) -> str:
        """The ID token that the token endpoint hands out."""
        at = int(NOW.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "00u1",
            "iat": at,
            "exp": at + 300,
            "nonce": self.nonce,
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
        } | self.claims
        said = {name: value for name, value in claims.items() if value is not None}
        return sign(said, self.key, self.header)

    def _discovery(self, _: Request) -> Response:
        return json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.endpoints}/authorize",
                "token_endpoint": f"{self.endpoints}/token",
                "jwks_uri": f"{self.endpoints}/keys",
                "userinfo_endpoint": f"{self.endpoints}/userinfo",
            }
            | self.metadata
        )

    def _keys(self, _: Request) -> Response:
        return json_response({"keys": [public_jwk(key) for key in self.published]})

    def _token(self, request: Request) -> Response:
        if isinstance(self.token_answer, Exception):
            raise self.token_answer
        if self.token_answer is not None:
            return self.token_answer
        form = parse_qs(request.body.decode())
        if form.get("code") != ["a-code"] or form.get("redirect_uri") != [REDIRECT_URI]:
            return json_response({"error": "invalid_grant"}, 400)
        return json_response(
            {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.id_token()}
        )

    def _userinfo(self, _: Request) -> Response:
        if self.userinfo is None:
            challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
            return Response(401, challenge, b"", tuple(challenge.items()))
        return json_response({"sub": "00u1"} | self.userinfo)


def sign(claims: Mapping[str, Any], key: jwk.Key, header: Mapping[str, Any] | None = None) -> str:
    """A compact JWS over `claims`, with any header that a test wants."""
    protected = {"alg": "RS256", "kid": key.kid, "typ": "JWT"} | dict(header or {})
    protected = {name: value for name, value in protected.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[protected["alg"]], strict_check_header=False)
    if key.get("alg") not in (None, protected["alg"]):
        bare = {"alg", "use", "kid"}
        members = key.as_dict(private=True).items()
        key = jwk.import_key({name: value for name, value in members if name not in bare})
    return jws.serialize_compact(protected, json.dumps(claims), key, registry=registry)


def query_of(url: str) -> dict[str, str]:
    """The parameters of an authorization URL, each of which may come once only."""
    parsed = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert all(len(values) == 1 for values in parsed.values()), parsed
    return {name: values[0] for name, values in parsed.items()}
