"""One way to verify a token (RFC 7515, 7519, 8725; attack O1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jws

from tests.fakes.identity_provider import public_jwk, rsa_key, sign
from vestibule.protocols.jose import (
    DEFAULT_ALGORITHMS,
    Reason,
    TokenRejected,
    check_claims,
    parse_key_set,
    parse_object,
    verify_jws,
    verify_token,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = rsa_key("key-1")
KEYS = parse_key_set({"keys": [public_jwk(KEY)]})
CLAIMS = {"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 4_000_000_000}


def b64(value: bytes | dict[str, Any]) -> str:
    raw = json.dumps(value).encode() if isinstance(value, dict) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(
    header: bytes | dict[str, Any], payload: bytes | dict[str, Any], signature: str
) -> str:
    return f"{b64(header)}.{b64(payload)}.{signature}"


def signed_raw(header: bytes, payload: bytes) -> str:
    """Sign exactly these octets, whatever they say."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    alg = jws.JWSRegistry.algorithms["RS256"]
    return f"{signing_input}.{b64(alg.sign(signing_input.encode(), KEY))}"


def public_pem() -> bytes:
    return KEY.as_pem(private=False)


def hs256_with(secret: bytes) -> str:
    signing_input = f"{b64({'alg': 'HS256', 'kid': 'key-1'})}.{b64(CLAIMS)}"
    return f"{signing_input}.{b64(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"


def verify(token: str) -> Any:
    return verify_jws(token, KEYS, algorithms=DEFAULT_ALGORITHMS)


def test_a_good_token_says_what_was_signed() -> None:
    assert verify(sign(CLAIMS, KEY)) == CLAIMS


ATTACKER = rsa_key("attacker")
FORGERIES: dict[str, tuple[Callable[[], str], Reason]] = {
    "none": (lambda: unsigned({"alg": "none"}, CLAIMS, "AA"), Reason.ALGORITHM),
    "none-without-signature": (lambda: unsigned({"alg": "none"}, CLAIMS, ""), Reason.MALFORMED),
    "None": (lambda: unsigned({"alg": "NONE"}, CLAIMS, "AA"), Reason.ALGORITHM),
    "no-alg": (lambda: unsigned({"kid": "key-1"}, CLAIMS, "AA"), Reason.ALGORITHM),
    "alg-is-a-list": (lambda: unsigned({"alg": ["RS256"]}, CLAIMS, "AA"), Reason.ALGORITHM),
    "hmac-with-public-pem": (lambda: hs256_with(public_pem()), Reason.ALGORITHM),
    "hmac-with-public-jwk": (
        lambda: hs256_with(json.dumps(public_jwk(KEY)).encode()),
        Reason.ALGORITHM,
    ),
    "not-allowed-rs384": (lambda: sign(CLAIMS, KEY, {"alg": "RS384"}), Reason.ALGORITHM),
    "not-allowed-ps256": (lambda: sign(CLAIMS, KEY, {"alg": "PS256"}), Reason.ALGORITHM),
    "alg-of-another-kind": (
        lambda: unsigned({"alg": "ES256", "kid": "key-1"}, CLAIMS, "AA"),
        Reason.KEY,
    ),
    "alg-that-the-key-is-not-for": (lambda: sign(CLAIMS, KEY, {"alg": "RS512"}), Reason.KEY),
    "another-key": (lambda: sign(CLAIMS, ATTACKER, {"kid": "key-1"}), Reason.SIGNATURE),
    "unknown-kid": (lambda: sign(CLAIMS, ATTACKER), Reason.UNKNOWN_KEY),
    "no-kid-another-key": (lambda: sign(CLAIMS, ATTACKER, {"kid": None}), Reason.UNKNOWN_KEY),
    "brings-jwk": (
        lambda: sign(CLAIMS, ATTACKER, {"kid": "key-1", "jwk": public_jwk(ATTACKER)}),
        Reason.HEADER,
    ),
    "brings-jku": (lambda: sign(CLAIMS, KEY, {"jku": "https://evil.example/"}), Reason.HEADER),
    "brings-x5u": (lambda: sign(CLAIMS, KEY, {"x5u": "https://evil.example/"}), Reason.HEADER),
    "brings-x5c": (lambda: sign(CLAIMS, KEY, {"x5c": ["AA"]}), Reason.HEADER),
    "unknown-crit": (
        lambda: signed_raw(b'{"alg":"RS256","crit":["x"],"x":1}', b"{}"),
        Reason.HEADER,
    ),
    "empty-crit": (lambda: signed_raw(b'{"alg":"RS256","crit":[]}', b"{}"), Reason.HEADER),
    "b64-false": (
        lambda: signed_raw(b'{"alg":"RS256","crit":["b64"],"b64":false}', b"{}"),
        Reason.HEADER,
    ),
    "b64-alone": (lambda: signed_raw(b'{"alg":"RS256","b64":false}', b"{}"), Reason.HEADER),
    "kid-is-a-path": (lambda: sign(CLAIMS, KEY, {"kid": "../../dev/null"}), Reason.UNKNOWN_KEY),
    "kid-is-sql": (lambda: sign(CLAIMS, KEY, {"kid": "x' OR '1'='1"}), Reason.UNKNOWN_KEY),
    "kid-is-a-number": (lambda: signed_raw(b'{"alg":"RS256","kid":7}', b"{}"), Reason.HEADER),
    "alg-twice": (
        lambda: signed_raw(b'{"alg":"RS256","alg":"none"}', b"{}"),
        Reason.MALFORMED,
    ),
    "claim-twice": (
        lambda: signed_raw(b'{"alg":"RS256"}', b'{"sub":"a","sub":"b"}'),
        Reason.MALFORMED,
    ),
    "claim-twice-below": (
        lambda: signed_raw(b'{"alg":"RS256"}', b'{"x":{"sub":"a","sub":"b"}}'),
        Reason.MALFORMED,
    ),
    "not-an-object": (lambda: signed_raw(b'{"alg":"RS256"}', b"[]"), Reason.MALFORMED),
    "not-json": (lambda: signed_raw(b'{"alg":"RS256"}', b"sub=a"), Reason.MALFORMED),
    "nan": (lambda: signed_raw(b'{"alg":"RS256"}', b'{"exp":NaN}'), Reason.MALFORMED),
    "infinity": (lambda: signed_raw(b'{"alg":"RS256"}', b'{"exp":Infinity}'), Reason.MALFORMED),
    "digits-without-end": (
        lambda: signed_raw(b'{"alg":"RS256"}', b'{"exp":' + b"9" * 5000 + b"}"),
        Reason.MALFORMED,
    ),
    "nested-without-end": (
        lambda: signed_raw(b'{"alg":"RS256"}', b'{"a":' + b"[" * 6000 + b"]" * 6000 + b"}"),
        Reason.MALFORMED,
    ),
    "not-utf-8": (lambda: signed_raw(b'{"alg":"RS256"}', b'{"sub":"\xff"}'), Reason.MALFORMED),
    "too-long": (lambda: sign({**CLAIMS, "x": "y" * 17000}, KEY), Reason.MALFORMED),
    "empty": (lambda: "", Reason.MALFORMED),
    "one-part": (lambda: "abc", Reason.MALFORMED),
    "four-parts": (lambda: "a.b.c.d", Reason.MALFORMED),
    "encrypted": (lambda: "a.b.c.d.e", Reason.MALFORMED),
    "detached": (lambda: "a..c", Reason.MALFORMED),
    "padding": (lambda: sign(CLAIMS, KEY) + "=", Reason.MALFORMED),
    "line-break": (lambda: sign(CLAIMS, KEY) + "\n", Reason.MALFORMED),
    "space-within": (lambda: sign(CLAIMS, KEY).replace(".", " .", 1), Reason.MALFORMED),
    "another-alphabet": (lambda: sign(CLAIMS, KEY)[:-1] + "+", Reason.MALFORMED),
    "json-serialisation": (lambda: json.dumps({"payload": "e30"}), Reason.MALFORMED),
    "header-is-an-array": (lambda: unsigned(b'["RS256"]', CLAIMS, "AA"), Reason.MALFORMED),
    "empty-signature-bytes": (
        lambda: sign(CLAIMS, KEY).rpartition(".")[0] + ".AA",
        Reason.SIGNATURE,
    ),
}


@pytest.mark.parametrize(("forge", "reason"), FORGERIES.values(), ids=FORGERIES)
def test_o1_a_forgery_proves_nothing(forge: Callable[[], str], reason: Reason) -> None:
    with pytest.raises(TokenRejected) as rejection:
        verify(forge())
    assert rejection.value.reason is reason


def test_a_header_may_say_more_than_we_read() -> None:
    assert verify(sign(CLAIMS, KEY, {"x5t": "abc", "cty": "JWT", "vendor": {"a": 1}})) == CLAIMS


def test_without_a_kid_at_most_five_fitting_keys_are_tried() -> None:
    others = [public_jwk(rsa_key("other")) | {"kid": f"k{n}"} for n in range(5)]
    token = sign(CLAIMS, KEY, {"kid": None})
    four = parse_key_set({"keys": [*others[:4], public_jwk(KEY)]})
    assert verify_jws(token, four, algorithms=DEFAULT_ALGORITHMS) == CLAIMS
    five = parse_key_set({"keys": [*others, public_jwk(KEY)]})
    with pytest.raises(TokenRejected):
        verify_jws(token, five, algorithms=DEFAULT_ALGORITHMS)


def test_a_type_keeps_one_kind_of_token_from_passing_for_another() -> None:
    token = sign(CLAIMS, KEY, {"typ": "application/SecEvent+JWT"})
    assert verify_jws(token, KEYS, algorithms={"RS256"}, types={"secevent+jwt"}) == CLAIMS
    for typ in ("JWT", None):
        with pytest.raises(TokenRejected) as rejection:
            verify_jws(
                sign(CLAIMS, KEY, {"typ": typ}), KEYS, algorithms={"RS256"}, types={"secevent+jwt"}
            )
        assert rejection.value.reason is Reason.TYPE


def test_an_allow_list_cannot_be_opened_for_none_or_hmac() -> None:
    for forge in (lambda: unsigned({"alg": "none"}, CLAIMS, "AA"), lambda: hs256_with(b"")):
        with pytest.raises(TokenRejected):
            verify_jws(forge(), KEYS, algorithms={"none", "HS256", "RS256"})


def test_nothing_is_allowed_when_nothing_is_listed() -> None:
    with pytest.raises(TokenRejected):
        verify_jws(sign(CLAIMS, KEY), KEYS, algorithms=frozenset())


@pytest.mark.parametrize(
    ("alg", "make"),
    [
        ("RS256", lambda: jwk.RSAKey.generate_key(2048)),
        ("PS512", lambda: jwk.RSAKey.generate_key(2048)),
        ("ES256", lambda: jwk.ECKey.generate_key("P-256")),
        ("ES384", lambda: jwk.ECKey.generate_key("P-384")),
        ("ES512", lambda: jwk.ECKey.generate_key("P-521")),
    ],
)
def test_each_default_algorithm_works_with_its_own_keys(alg: str, make: Callable[[], Any]) -> None:
    key = make()
    keys = parse_key_set({"keys": [public_jwk(key)]})
    token = sign(CLAIMS, key, {"alg": alg, "kid": None})
    assert verify_jws(token, keys, algorithms=DEFAULT_ALGORITHMS) == CLAIMS
    for other in DEFAULT_ALGORITHMS - {alg}:
        with pytest.raises(TokenRejected):
            verify_jws(token, keys, algorithms={other})


GOOD = public_jwk(KEY)
SKIPPED: dict[str, Any] = {
    "secret": {"kty": "oct", "k": "AAAA", "kid": "key-1"},
    "for-encryption": GOOD | {"use": "enc"},
    "for-wrapping": GOOD | {"key_ops": ["wrapKey"]},
    "operations-of-odd-type": GOOD | {"key_ops": "verify"},
    "of-an-unknown-kind": GOOD | {"kty": "AKP"},
    "without-modulus": {"kty": "RSA", "e": "AQAB"},
    "modulus-of-odd-type": GOOD | {"n": 7},
    "short": GOOD | {"n": b64(b"\xff" * 128)},
    "long": GOOD | {"n": b64(b"\xff" * 2048)},
    "huge-exponent": GOOD | {"e": "AQABAQABAQAB"},
    "point-off-the-curve": {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"},
    "unknown-curve": {"kty": "EC", "crv": "P-999", "x": "AQ", "y": "AQ"},
    "a-text": "key",
    "null": None,
}


@pytest.mark.parametrize("entry", SKIPPED.values(), ids=SKIPPED)
def test_an_unusable_key_is_skipped_and_the_rest_serves(entry: Any) -> None:
    assert parse_key_set({"keys": [entry]}).keys == ()
    assert verify_jws(
        sign(CLAIMS, KEY), parse_key_set({"keys": [entry, GOOD]}), algorithms={"RS256"}
    )


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[],"keys":[]}', {"keys": [GOOD] * 101}],
    ids=["empty", "a-list", "no-keys", "keys-of-odd-type", "twice", "101-keys"],
)
def test_what_is_no_key_set_is_refused(document: Any) -> None:
    with pytest.raises(TokenRejected):
        parse_key_set(document)


def test_private_halves_are_never_read() -> None:
    keys = parse_key_set({"keys": [dict(KEY.as_dict(private=True))]})
    assert not keys.keys[0].material.is_private
    assert verify_jws(sign(CLAIMS, KEY), keys, algorithms={"RS256"})


def claims_at(**changes: Any) -> Any:
    values = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return check_claims(values, issuer="i", audience="a", now=NOW)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW.timestamp() - 60}, Reason.EXPIRED),
        ({"nbf": NOW.timestamp() + 61}, Reason.NOT_YET_VALID),
        ({"iat": NOW.timestamp() + 61}, Reason.NOT_YET_VALID),
        ({"exp": 1e300}, Reason.CLAIM),
        ({"exp": 10**15}, Reason.CLAIM),
        ({"nbf": -1}, Reason.CLAIM),
        ({"exp": "4000000000"}, Reason.CLAIM),
        ({"exp": None}, Reason.CLAIM),
        ({"aud": {"a": 1}}, Reason.CLAIM),
        ({"aud": "aa"}, Reason.AUDIENCE),
        ({"aud": "A"}, Reason.AUDIENCE),
        ({"iss": "I"}, Reason.ISSUER),
        ({"iss": ["i"]}, Reason.CLAIM),
    ],
)
def test_claims_that_do_not_hold_are_refused(changes: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(TokenRejected) as rejection:
        claims_at(**changes)
    assert rejection.value.reason is reason


def test_claims_are_frozen() -> None:
    claims = verify_token(
        sign(CLAIMS, KEY), KEYS, algorithms={"RS256"}, issuer="i", audience="a", now=NOW
    )
    assert claims.audience == ("a",)
    assert claims.issued_at == datetime.fromtimestamp(1, UTC)
    with pytest.raises(TypeError):
        claims.values["sub"] = "mallory"  # type: ignore[index] - that it cannot is the claim


@given(st.integers(min_value=-(10**4), max_value=10**4))
def test_a_token_expires_exactly_one_skew_after_its_end(offset: int) -> None:
    moment = NOW + timedelta(seconds=offset)
    values = CLAIMS | {"exp": int(NOW.timestamp()) - 60}
    holds = moment < NOW
    try:
        check_claims(values, issuer="i", audience="a", now=moment)
    except TokenRejected:
        assert not holds
    else:
        assert holds


@given(st.text(max_size=300))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(TokenRejected):
        verify(text)


@given(st.binary(max_size=300))
def test_no_octets_do_more_than_be_refused(raw: bytes) -> None:
    with suppress(TokenRejected):
        assert isinstance(parse_object(raw, "it"), dict)


@given(st.integers(min_value=0, max_value=600), st.integers(min_value=0, max_value=255))
def test_a_changed_octet_is_noticed(position: int, value: int) -> None:
    token = bytearray(sign_once())
    token[position % len(token)] = value
    if bytes(token) == sign_once():
        return
    try:
        verify(token.decode("latin-1"))
    except TokenRejected:
        return
    # base64url may spell the last octets of the signature in several ways; nothing else may.
    assert bytes(token).rpartition(b".")[0] == sign_once().rpartition(b".")[0]


def sign_once(_kept: list[bytes] = []) -> bytes:  # noqa: B006 - kept between calls on purpose
    if not _kept:
        _kept.append(sign(CLAIMS, KEY).encode())
    return _kept[0]
