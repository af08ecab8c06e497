"""Our own tokens: each kind apart, nothing forged, nothing too large (access.md 4.1, 4.2)."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws

from vestibule.model.application import Application, ApplicationType
from vestibule.model.identity import Identity
from vestibule.model.machine import SigningKey
from vestibule.model.session import GlobalSession, Grant
from vestibule.tokens import keys
from vestibule.tokens.application import (
    ASK,
    LARGEST_TOKEN,
    Standing,
    machine_claims,
    person_claims,
)
from vestibule.tokens.binding import binding_of, is_bound
from vestibule.tokens.meta import Meta, sign_meta, verify_meta
from vestibule.tokens.organization import organization_claims
from vestibule.tokens.signing import parsed, payload, public_jwk, sign, verifier
from vestibule.tokens.verify import Flaw, TokenKind, TokenRejected, verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUER = "https://team.example.com"
AUD = "a" * 64


@cache
def key(number: int = 0) -> SigningKey:
    return keys.generate(NOW - timedelta(days=number))


APPLICATION = Application("wiki", AUD, "Wiki", ApplicationType.SELF_HOSTED, ("wiki.example.com",))
IDENTITY = Identity("idp", "okta", "00u1", "ada@example.com", amr=("pwd",))
SESSION = GlobalSession("session-1", "ada-id", IDENTITY, NOW, NOW + timedelta(hours=24))
GRANT = Grant("grant-1", "wiki", "policy-1", NOW, NOW + timedelta(hours=1), country="PT")


def claims(**changed: object) -> dict:
    made = person_claims(
        issuer=ISSUER,
        application=APPLICATION,
        session=SESSION,
        grant=GRANT,
        email="ada@example.com",
        standing=Standing("v1", ("c1",)),
    )
    return {**made, **changed}


def proved(raw: str, kind: TokenKind = TokenKind.APPLICATION, **changed):
    expected = {"issuer": ISSUER, "audiences": (AUD,), "now": NOW, **changed}
    return verify(raw, [key()], kind=kind, **expected)


def forged(body: dict) -> str:
    return sign(claims(**body), key())


def flaw_of(raw: str, **changed) -> Flaw:
    with pytest.raises(TokenRejected) as rejected:
        proved(raw, **changed)
    return rejected.value.flaw


def test_an_application_token_says_what_the_contract_says() -> None:
    assert claims() == {
        "type": "app",
        "aud": [AUD],
        "iss": ISSUER,
        "sub": "ada-id",
        "email": "ada@example.com",
        "iat": int(NOW.timestamp()),
        "nbf": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
        "jti": "grant-1",
        "identity_nonce": "session-1",
        "country": "PT",
        "amr": ["pwd"],
        "policy_id": "policy-1",
        "policy_version": "v1",
        "conditions": ["c1"],
    }
    raw = sign(claims(), key())
    header = json.loads(base64.urlsafe_b64decode(raw.split(".")[0] + "=="))
    assert header == {"alg": "RS256", "kid": key().kid, "typ": "JWT"}
    assert proved(raw).subject == "ada-id"


def test_a_machines_token_has_no_subject_and_no_address() -> None:
    made = machine_claims(
        issuer=ISSUER, application=APPLICATION, grant=GRANT, common_name="id", standing=ASK
    )
    assert (made["sub"], made["common_name"]) == ("", "id")
    assert "email" not in made
    assert "identity_nonce" not in made


def altered(raw: str, header: dict | None = None, claims: dict | None = None) -> str:
    """A token with its signature kept and something else changed."""
    parts = raw.split(".")
    for index, changed in enumerate((header, claims)):
        if changed is not None:
            parts[index] = base64.urlsafe_b64encode(payload(changed)).decode().rstrip("=")
    return ".".join(parts)


def signed_with(header: dict, body: dict | bytes) -> str:
    """A token that our own key signed with another header or another body."""
    octets = body if isinstance(body, bytes) else payload(body)
    full = {"alg": "RS256", "kid": key().kid, "typ": "JWT", **header}
    full = {name: value for name, value in full.items() if value is not None}
    return jws.serialize_compact(full, octets, parsed(key()), algorithms=["RS256"])


def hmac_confusion() -> str:
    """HS256 with our public key as the secret."""
    header = payload({"alg": "HS256", "kid": key().kid, "typ": "JWT"})
    parts = (header, payload(claims()))
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    code = hmac.digest(parsed(key()).as_pem(private=False), signed, "sha256")
    return (signed + b"." + base64.urlsafe_b64encode(code).rstrip(b"=")).decode()


NONE = {"alg": "none", "kid": "", "typ": "JWT"}
GOOD_HEADER = {"alg": "RS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("forge", "flaw"),
    [
        pytest.param(lambda raw: "", Flaw.MALFORMED, id="empty"),
        pytest.param(lambda raw: "a.b", Flaw.MALFORMED, id="two parts"),
        pytest.param(lambda raw: raw[:-20], Flaw.BAD_SIGNATURE, id="truncated"),
        pytest.param(lambda raw: raw + ".x", Flaw.MALFORMED, id="four parts"),
        pytest.param(lambda raw: raw + "A" * 9000, Flaw.MALFORMED, id="oversized"),
        pytest.param(lambda raw: raw.replace("e", "é", 1), Flaw.MALFORMED, id="not ASCII"),
        pytest.param(lambda raw: "!!!." + raw.split(".", 1)[1], Flaw.MALFORMED, id="not base64"),
        pytest.param(lambda raw: "bnVsbA." + raw.split(".", 1)[1], Flaw.MALFORMED, id="null"),
        pytest.param(
            lambda raw: altered(raw, claims=claims(sub="eve")), Flaw.BAD_SIGNATURE, id="altered"
        ),
        pytest.param(lambda raw: altered(raw, NONE), Flaw.MALFORMED, id="alg none"),
        pytest.param(
            lambda raw: altered(raw, NONE).rpartition(".")[0] + ".",
            Flaw.MALFORMED,
            id="alg none, no signature",
        ),
        pytest.param(lambda raw: hmac_confusion(), Flaw.MALFORMED, id="HMAC with the public key"),
        pytest.param(
            lambda raw: signed_with({"jwk": dict(public_jwk(key(1)))}, claims()),
            Flaw.MALFORMED,
            id="jwk in the header",
        ),
        pytest.param(
            lambda raw: signed_with({"jku": "https://evil.example/"}, claims()),
            Flaw.MALFORMED,
            id="jku",
        ),
        pytest.param(
            lambda raw: signed_with({"x5u": "https://evil.example/"}, claims()),
            Flaw.MALFORMED,
            id="x5u",
        ),
        pytest.param(
            lambda raw: altered(raw, {**GOOD_HEADER, "kid": key().kid, "crit": ["x"], "x": 1}),
            Flaw.MALFORMED,
            id="unknown crit",
        ),
        pytest.param(
            lambda raw: altered(
                raw, {**GOOD_HEADER, "kid": key().kid, "crit": ["b64"], "b64": False}
            ),
            Flaw.MALFORMED,
            id="b64 false",
        ),
        pytest.param(
            lambda raw: altered(raw, {**GOOD_HEADER, "kid": "../../etc/passwd"}),
            Flaw.UNKNOWN_KEY,
            id="kid is a path",
        ),
        pytest.param(
            lambda raw: altered(raw, {**GOOD_HEADER, "kid": "' OR 1=1 --"}),
            Flaw.UNKNOWN_KEY,
            id="kid is SQL",
        ),
        pytest.param(
            lambda raw: altered(raw, {**GOOD_HEADER, "kid": ["x"]}),
            Flaw.UNKNOWN_KEY,
            id="kid is a list",
        ),
        pytest.param(lambda raw: altered(raw, GOOD_HEADER), Flaw.MALFORMED, id="no kid"),
        pytest.param(lambda raw: sign(claims(), key(1)), Flaw.UNKNOWN_KEY, id="other key"),
        pytest.param(
            lambda raw: sign(claims(), replace(key(1), kid=key().kid)),
            Flaw.BAD_SIGNATURE,
            id="other key under our kid",
        ),
        pytest.param(lambda raw: signed_with({}, b"[]"), Flaw.MALFORMED, id="not an object"),
        pytest.param(lambda raw: signed_with({}, b"nope"), Flaw.MALFORMED, id="not JSON"),
        pytest.param(
            lambda raw: signed_with({}, b'{"exp": 1e300}'), Flaw.WRONG_KIND, id="huge exponent"
        ),
        pytest.param(lambda raw: forged({"exp": 1e300}), Flaw.MALFORMED, id="huge exp"),
        pytest.param(lambda raw: forged({"exp": 2**70}), Flaw.MALFORMED, id="exp beyond time"),
        pytest.param(lambda raw: forged({"exp": "9999999999"}), Flaw.MALFORMED, id="exp text"),
        pytest.param(lambda raw: forged({"exp": True}), Flaw.MALFORMED, id="exp true"),
        pytest.param(lambda raw: forged({"nbf": -1}), Flaw.MALFORMED, id="negative nbf"),
        pytest.param(lambda raw: forged({"exp": int(NOW.timestamp())}), Flaw.EXPIRED, id="expired"),
        pytest.param(
            lambda raw: forged({"nbf": int(NOW.timestamp()) + 120}),
            Flaw.NOT_YET_VALID,
            id="not yet",
        ),
        pytest.param(lambda raw: forged({"iss": "https://x"}), Flaw.WRONG_ISSUER, id="iss"),
        pytest.param(lambda raw: forged({"aud": ["b"]}), Flaw.WRONG_AUDIENCE, id="aud"),
        pytest.param(lambda raw: forged({"aud": [AUD, "b"]}), Flaw.MALFORMED, id="two auds"),
        pytest.param(lambda raw: forged({"aud": AUD}), Flaw.MALFORMED, id="aud text"),
        pytest.param(lambda raw: forged({"aud": [[AUD]]}), Flaw.WRONG_AUDIENCE, id="aud list"),
        pytest.param(lambda raw: forged({"type": "org"}), Flaw.WRONG_KIND, id="type"),
        pytest.param(lambda raw: forged({"sub": 7}), Flaw.MALFORMED, id="sub number"),
    ],
)
def test_F1_O1_a_forged_token_proves_nothing(forge, flaw: Flaw) -> None:
    assert flaw_of(forge(sign(claims(), key()))) is flaw


@given(st.text(max_size=300))
def test_F1_no_text_is_a_token_by_chance(text: str) -> None:
    with pytest.raises(TokenRejected):
        proved(text)


@given(st.integers(0, 900), st.integers(0, 255))
@settings(max_examples=60)
def test_F1_no_token_survives_a_changed_octet(position: int, octet: int) -> None:
    raw = sign(claims(), key())
    position %= len(raw)
    changed = raw[:position] + chr(octet) + raw[position + 1 :]
    if changed == raw:
        return
    # The last letter of a part has spare bits: another letter may mean the same octets.
    with contextlib.suppress(TokenRejected):
        assert dict(proved(changed).all) == claims()


def organization_token() -> str:
    made = organization_claims(
        issuer=ISSUER,
        auth_domain="team.example.com",
        session=SESSION,
        email="ada@example.com",
        token_id="t1",
    )
    return sign(made, key())


def meta_token() -> str:
    meta = Meta("https://wiki.example.com", "wiki.example.com", "hash", "192.0.2.1", "PT")
    return sign_meta(meta, issuer=ISSUER, application_aud=AUD, key=key(), now=NOW)


ALL_AUDIENCES = (AUD, "team.example.com", f"login:{AUD}")


@pytest.mark.parametrize("taken_for", list(TokenKind))
@pytest.mark.parametrize("made_as", list(TokenKind))
def test_S3_one_kind_of_token_never_serves_for_another(
    made_as: TokenKind, taken_for: TokenKind
) -> None:
    raw = {
        TokenKind.APPLICATION: lambda: sign(claims(), key()),
        TokenKind.ORGANIZATION: organization_token,
        TokenKind.META: meta_token,
    }[made_as]()
    if made_as is taken_for:
        assert proved(raw, taken_for, audiences=ALL_AUDIENCES).kind is made_as
    else:
        with pytest.raises(TokenRejected):
            proved(raw, taken_for, audiences=ALL_AUDIENCES)


def test_meta_tells_the_login_page_what_the_applications_host_saw() -> None:
    meta = verify_meta(
        meta_token(), [key()], issuer=ISSUER, application_aud=AUD, now=NOW + timedelta(minutes=29)
    )
    assert meta.origin == "https://wiki.example.com"
    assert meta.ip == "192.0.2.1"
    for changed in ({"now": NOW + timedelta(minutes=30)}, {"application_aud": "b" * 64}):
        expected = {"issuer": ISSUER, "application_aud": AUD, "now": NOW, **changed}
        with pytest.raises(TokenRejected):
            verify_meta(meta_token(), [key()], **expected)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.one_of(st.text(max_size=400), st.lists(st.text(max_size=40), max_size=10)),
        max_size=12,
    ),
    st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=40),
)
@settings(max_examples=80, deadline=None)
def test_a_token_stays_small_whatever_the_provider_says(custom: dict, conditions: list) -> None:
    session = replace(SESSION, identity=replace(IDENTITY, claims=custom))
    made = person_claims(
        issuer=ISSUER,
        application=APPLICATION,
        session=session,
        grant=GRANT,
        email="a" * 64 + "@example.com",
        standing=Standing("v1", tuple(conditions)),
    )
    assert len(sign(made, key())) <= LARGEST_TOKEN
    kept = made.get("custom", {})
    assert list(kept) == [name for name in custom if name in kept]
    if made["policy_version"] == "v1":
        assert made.get("conditions", []) == conditions, "a clause left out would open a door"
    else:
        assert (made["policy_version"], "conditions" in made) == ("", False)


def test_a_claim_that_does_not_fit_leaves_room_for_the_next() -> None:
    custom = {"essay": "x" * 2000, "team": "blue"}
    session = replace(SESSION, identity=replace(IDENTITY, claims=custom))
    made = person_claims(
        issuer=ISSUER,
        application=APPLICATION,
        session=session,
        grant=GRANT,
        email="ada@example.com",
        standing=ASK,
    )
    assert made["custom"] == {"team": "blue"}


def test_a_binding_belongs_to_one_token_and_one_key() -> None:
    value = binding_of("grant-1", key())
    assert is_bound("grant-1", key(), value)
    assert not is_bound("grant-2", key(), value)
    assert not is_bound("grant-1", key(1), value)
    assert not is_bound("grant-1", key(), "é" * 64)


def test_the_published_keys_prove_our_tokens_and_show_no_private_part() -> None:
    document = keys.certs_document([key(1), key()], NOW)
    assert document["public_cert"]["kid"] == key().kid
    for published in document["keys"]:
        assert set(published) == {"kid", "kty", "alg", "use", "e", "n"}
    assert {entry["kid"] for entry in document["public_certs"]} == {key().kid, key(1).kid}
    certificate = x509.load_pem_x509_certificate(document["public_cert"]["cert"].encode())
    same = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    assert certificate.public_key().public_bytes(*same) == verifier(key()).as_pem(private=False)
    assert len(key().kid) == 64
    assert "PRIVATE" not in json.dumps(document)


def test_a_retired_key_is_published_until_its_last_token_expires() -> None:
    month = NOW + timedelta(days=30)
    for last_expiry, until in [
        (None, NOW + timedelta(days=7)),
        (NOW + timedelta(hours=1), NOW + timedelta(days=7)),
        (month, month),
    ]:
        retired = keys.retire(key(), NOW, last_expiry)
        assert keys.verifying([retired], until - timedelta(seconds=1)) == (retired,)
        assert keys.forgotten([retired], until) == (retired,)
    with pytest.raises(keys.NoSigningKey):
        keys.current([keys.retire(key(), NOW, None)])


def test_rotation_is_due_when_the_interval_has_passed() -> None:
    interval = timedelta(days=42)
    assert keys.rotation_due([], NOW, interval)
    assert not keys.rotation_due([key()], NOW + timedelta(days=41), interval)
    assert keys.rotation_due([key()], NOW + timedelta(days=42), interval)
