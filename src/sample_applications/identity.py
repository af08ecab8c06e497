"""Who is asking: the gateway's token, verified as every origin should.

A header can be forged by whoever reaches this port; a signature cannot. So the name shown on
a page comes out of the verified token, and the plain headers are only compared with it.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

import httpx2
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from sample_applications.configuration import Application

ASSERTION: Final = "cf-access-jwt-assertion"
EMAIL: Final = "cf-access-authenticated-user-email"
_REFETCH_AFTER: Final = 5.0
_SKEW: Final = 60


class NotVerified(Exception):
    """Nobody is known: the message is a sentence for the page."""


@dataclass(frozen=True)
class Identity:
    """What a verified token says. `email` is empty for a machine, which has a `machine`."""

    email: str
    subject: str
    machine: str
    claims: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name to greet with."""
        return self.email or self.machine or self.subject

    @property
    def methods(self) -> tuple[str, ...]:
        """How the person signed in, if the token tells (`amr`)."""
        found: object = self.claims.get("amr")
        return tuple(map(str, cast("list[object]", found))) if isinstance(found, list) else ()


class Keys:
    """The team domain's published keys, fetched when a token names one that is not known."""

    def __init__(self, application: Application, clock: Callable[[], float] = time.monotonic):
        self._application = application
        self._clock = clock
        self._keys = KeySet([])
        self._fetched = float("-inf")

    async def containing(self, kid: str) -> KeySet:
        """Return the keys, fetched anew if `kid` is missing and the last fetch is not fresh."""
        known = {key.kid for key in self._keys.keys}
        if kid not in known and self._clock() - self._fetched >= _REFETCH_AFTER:
            self._fetched = self._clock()
            self._keys = await _fetch(self._application)
        return self._keys


class Verifier:
    """Verifies the tokens of one application."""

    def __init__(self, application: Application, keys: Keys | None = None) -> None:
        self._application = application
        self._keys = keys or Keys(application)

    async def verify(self, headers: Mapping[str, str], *, now: float | None = None) -> Identity:
        """Return who the request is from, or raise `NotVerified`."""
        expected = self._application
        if not (expected.certs_url and expected.audience and expected.issuer):
            raise NotVerified(
                "This application was started without the team domain's keys, issuer and "
                "audience, so it cannot tell who you are."
            )
        if not (token := headers.get(ASSERTION, "")):
            raise NotVerified("The request carries no token from the gateway.")
        try:
            kid = str(extract_compact(token.encode()).headers().get("kid", ""))
            keys = await self._keys.containing(kid)
            claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
        except httpx2.HTTPError as error:
            raise NotVerified("The team domain's keys could not be fetched.") from error
        except InvalidKeyIdError as error:
            raise NotVerified(
                "The token is signed with a key the team domain does not publish."
            ) from error
        except (JoseError, ValueError) as error:
            raise NotVerified("The token's signature is not good.") from error
        _check(claims, expected, time.time() if now is None else now)
        identity = Identity(
            email=str(claims.get("email", "")),
            subject=str(claims.get("sub", "")),
            machine=str(claims.get("common_name", "")),
            claims=claims,
        )
        if (told := headers.get(EMAIL, "")) and told != identity.email:
            raise NotVerified("The e-mail header and the token name different people.")
        return identity


def _check(claims: Mapping[str, Any], expected: Application, now: float) -> None:
    """Raise `NotVerified` unless the claims are for this application and for this moment."""
    audience: object = claims.get("aud")
    listed = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if expected.audience not in listed or claims.get("type") != "app":
        raise NotVerified("The token is for another application.")
    if claims.get("iss") != expected.issuer:
        raise NotVerified("The token is from another team domain.")
    expires: object = claims.get("exp")
    begins: object = claims.get("nbf", 0)
    if not isinstance(expires, int | float) or expires <= now - _SKEW:
        raise NotVerified("The token has expired.")
    if not isinstance(begins, int | float) or begins > now + _SKEW:
        raise NotVerified("The token is not valid yet.")


async def _fetch(application: Application) -> KeySet:
    """Return the published keys, or raise `httpx2.HTTPError` or `ValueError`."""
    url, host = loopback(application.certs_url)
    host = urlsplit(application.team_url).netloc or host
    trust = ssl.create_default_context(cafile=application.ca_file or None)
    async with httpx2.AsyncClient(verify=trust, trust_env=False, timeout=5) as http:
        answer = await http.get(url, headers={"host": host})
    answer.raise_for_status()
    return KeySet.import_key_set({"keys": answer.json()["keys"]})


def loopback(url: str) -> tuple[str, str]:
    """Return `url` with a `.localhost` name replaced by the address it means, and its host.

    Browsers know that such names are this machine (RFC 6761, 6.3); resolvers often do not.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not (parts.hostname or "").endswith(".localhost"):
        return url, parts.netloc
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"127.0.0.1{port}")), parts.netloc
