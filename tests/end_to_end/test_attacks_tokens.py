"""O1, S3, S5, F1: tokens of another kind, key or application, and more than one at once."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import RSAKey

from tests.end_to_end.attacking import Target, Visitor

pytestmark = pytest.mark.envoy


@pytest.fixture(scope="module")
def visitor(target: Target) -> Visitor:
    """Bob, who is signed in to the attacked application and to the wiki."""
    visitor = target.signed_in()
    visitor.follow(f"http://{target.host('wiki')}/")
    assert "CF_Authorization" in visitor.jar[target.host("wiki")]
    return visitor


def token_of(target: Target, visitor: Visitor, name: str = "raw") -> str:
    return visitor.jar[target.host(name)]["CF_Authorization"]


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def read(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def forgeries(target: Target, visitor: Visitor) -> dict[str, str]:
    good = token_of(target, visitor)
    header, payload, signature = good.split(".")
    told, claims = read(header), read(payload)
    published = json.loads(target.send("/cdn-cgi/access/certs").body)["keys"][0]
    public = RSAKey.import_key(published)
    pem = public.as_pem(private=False)
    der = public.raw_value.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    other = RSAKey.generate_key(2048)
    admin = {**claims, "email": "alice@example.com"}
    later = {**claims, "exp": int(time.time()) + 10**8}

    def signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
        named = [header["alg"]]
        registry = jws.JWSRegistry(algorithms=named, strict_check_header=False)
        body = json.dumps(claims).encode()
        return jws.serialize_compact(header, body, key, algorithms=named, registry=registry)

    def by_secret(secret: bytes) -> str:
        text = f"{part({**told, 'alg': 'HS256'})}.{payload}"
        made = hmac.digest(secret, text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"

    meta = visitor_meta(target)
    return {
        "none": f"{part({**told, 'alg': 'none'})}.{payload}.",
        "None": f"{part({**told, 'alg': 'None'})}.{payload}.{signature}",
        "HS256 with the public PEM": by_secret(pem),
        "HS256 with the public DER": by_secret(der),
        "another key, our kid": signed(told, claims, other),
        "another key, its own in the header": signed(
            {**told, "jwk": other.as_dict(private=False)}, claims, other
        ),
        "another kid": signed({**told, "kid": "../../dev/null"}, claims, other),
        "crit": f"{part({**told, 'crit': ['exp'], 'exp': 1})}.{payload}.{signature}",
        "b64": f"{part({**told, 'b64': False, 'crit': ['b64']})}.{payload}.{signature}",
        "another e-mail, the old signature": f"{header}.{part(admin)}.{signature}",
        "a later end, the old signature": f"{header}.{part(later)}.{signature}",
        "a claim twice": f"{header}.{part({**admin, **claims})}.{signature}",
        "no signature": f"{header}.{payload}.",
        "half of it": good[: len(good) // 2],
        "the token of another application": token_of(target, visitor, "wiki"),
        "the global token": token_of(target, visitor, "team"),
        "a login's meta": meta,
        "not a token": "x.y.z",
        "many dots": "." * 60,
        "large": "a" * 20_000,
        "bytes": "\xff\xfe\x80.\xff.\xff",
    }


def visitor_meta(target: Target) -> str:
    """The signed note of a login that has not begun."""
    away = target.send("/x").one("location")
    return away.partition("meta=")[2].partition("&")[0]


def test_o1_s3_f1_no_forged_or_foreign_token_opens_anything(
    target: Target, visitor: Visitor
) -> None:
    target.origin.take()
    for name, forged in forgeries(target, visitor).items():
        for header in (f"Cookie: CF_Authorization={forged}", f"Cf-Access-Token: {forged}"):
            assert target.send("/x", header).status in (302, 400, 401, 403), name
            assert not target.origin.take(), name


def test_s3_f1_no_forged_or_foreign_token_speaks_for_anybody_on_our_own_pages(
    target: Target, visitor: Visitor
) -> None:
    for name, forged in forgeries(target, visitor).items():
        cookie = f"Cookie: CF_Authorization={forged}"
        for host in ("raw", "team"):
            if (name, host) == ("the global token", "team"):
                continue
            asked = target.send("/cdn-cgi/access/get-identity", cookie, host=target.host(host))
            assert asked.status in (400, 401), (name, host)


def test_s5_of_several_tokens_the_origin_reads_the_verified_one_alone(
    target: Target, visitor: Visitor
) -> None:
    good, foreign = token_of(target, visitor), token_of(target, visitor, "wiki")
    forged = forgeries(target, visitor)["another key, our kid"]
    target.origin.take()
    for bad in (forged, foreign, "a.b.c", "", '"x"'):
        one, two = f"CF_Authorization={good}", f"CF_Authorization={bad}"
        presented = [
            [f"Cookie: {one}; {two}"],
            [f"Cookie: {two}; {one}"],
            [f"Cookie: {one}", f"Cookie: {two}"],
            [f"Cookie: {two}", f"Cookie: {one}"],
            ["Cookie: ", f"Cookie: {one}", f"Cookie: {two}"],
            ["Cookie: ", f"Cookie: {two}", f"Cookie: {one}"],
            [f"Cookie: a=1;{two};\t{one}"],
            [f"Cookie: {one}", f"Cf-Access-Token: {bad}"],
            [f"Cookie: {two}", f"Cf-Access-Token: {good}"],
            ["Cf-Access-Token: ", f"Cf-Access-Token: {good}", f"Cf-Access-Token: {bad}"],
        ]
        for headers in presented:
            status = target.send("/x", *headers).status
            seen = target.origin.take()
            assert (status == 200) == bool(seen)
            assert status in (200, 302)
            for request in seen:
                assert request.all("cf-access-jwt-assertion") == [good]
                assert request.all("cf-access-authenticated-user-email") == ["bob@example.com"]
                assert request.cookie.count("CF_Authorization") <= 1
                assert not bad or bad == '"x"' or bad not in request.cookie


@pytest.mark.parametrize("length", [4_000, 9_000, 30_000, 55_000, 70_000, 500_000])
def test_f1_d_cookies_of_any_length_are_answered(
    target: Target, visitor: Visitor, length: int
) -> None:
    good, filler = token_of(target, visitor), "x" * length
    for cookie in (f"a={filler}; CF_Authorization={good}", f"CF_Authorization={good}; a={filler}"):
        assert target.send("/x", f"Cookie: {cookie}").status == (200 if length < 60_000 else 431)
    assert all(one.all("cf-access-jwt-assertion") == [good] for one in target.origin.take())
    assert target.send("/x", f"Cookie: CF_Authorization={filler}").status in (302, 431)
    assert not target.origin.take()
