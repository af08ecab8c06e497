"""A provider's metadata (OpenID Connect Discovery 1.0, 4; RFC 8414)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from vestibule.protocols.exchange import Exchange, Request
from vestibule.protocols.jose import TokenRejected, parse_object
from vestibule.protocols.json_values import as_texts, text
from vestibule.protocols.oauth2.errors import OAuthFailure, clean

WELL_KNOWN = "/.well-known/openid-configuration"
_KEEP_FOR = 3600.0


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself, as far as we use it. `issuer` None: nobody knows it."""

    issuer: str | None
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    announces_issuer: bool = False
    scopes: tuple[str, ...] | None = None


def discover(url: str, *, issuer: str | None = None) -> Exchange[Metadata]:
    """Read the metadata at `url`; its issuer must be `issuer`, or the one that `url` implies.

    Comparing them keeps one provider from speaking for another (Discovery, 4.3). Raises
    `OAuthFailure`.
    """
    answer = yield Request("GET", url, headers={"Accept": "application/json"}, cache_for=_KEEP_FOR)
    if answer.status != 200:
        raise OAuthFailure(f"{url} answered {answer.status}", code="discovery_failed")
    try:
        members = parse_object(answer.body, "the discovery document")
    except TokenRejected as error:
        raise OAuthFailure(error.message, code="discovery_failed") from error
    expected = issuer if issuer is not None else url.removesuffix(WELL_KNOWN)
    found = text(members, "issuer")
    # Where only the URL is known, an issuer may end with a slash that the URL cannot show.
    if found != expected and not (issuer is None and found == f"{expected}/"):
        raise OAuthFailure(
            f"the discovery document is of another issuer: expected {expected!r}, "
            f"found {clean(found)!r}",
            code="discovery_issuer",
        )
    metadata = Metadata(
        issuer=found,
        authorization_endpoint=text(members, "authorization_endpoint"),
        token_endpoint=text(members, "token_endpoint"),
        jwks_uri=text(members, "jwks_uri"),
        userinfo_endpoint=text(members, "userinfo_endpoint"),
        announces_issuer=members.get("authorization_response_iss_parameter_supported") is True,
        scopes=as_texts(members.get("scopes_supported")),
    )
    needed = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
    named = [url for url in (*needed, metadata.userinfo_endpoint) if url]
    if not all(needed) or not all(_is_endpoint(url, found) for url in named):
        raise OAuthFailure(
            "the discovery document should name authorization_endpoint, token_endpoint and "
            "jwks_uri, each an https URL",
            code="discovery_failed",
        )
    return metadata


def _is_endpoint(url: str, issuer: str) -> bool:
    """Whether a browser may be sent there, or we may call it: as safe as the issuer itself."""
    schemes = ("https",) if issuer.startswith("https:") else ("https", "http")
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in schemes
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and not parts.fragment
        and url.isascii()
        and url.isprintable()
        and "\\" not in url
    )
