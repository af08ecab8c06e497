"""Key sets (RFC 7517): which public keys somebody may have signed with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from joserfc import jwk
from joserfc.errors import JoseError

from vestibule.model.values import Json
from vestibule.protocols.jose.errors import Reason, TokenRejected
from vestibule.protocols.jose.strict_json import parse_object
from vestibule.protocols.json_values import as_list, as_object, text

_PUBLIC_MEMBERS = {
    "RSA": ("kty", "n", "e"),
    "EC": ("kty", "crv", "x", "y"),
    "OKP": ("kty", "crv", "x"),
}
"""What is read of each kind of key. `oct` is missing on purpose: a published secret proves
nothing, and an HMAC over a public key is the oldest trick there is (RFC 8725, 3.1)."""

_FITTING = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "PS256": ("RSA", ""),
    "PS384": ("RSA", ""),
    "PS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""The kind of key and the curve that each algorithm needs (RFC 7518, 3.1; RFC 8037, 3.1)."""

KNOWN_ALGORITHMS = frozenset(_FITTING)

_MAX_KEYS = 100
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192
_MAX_RSA_EXPONENT_CHARACTERS = 6  # 32 bits in base64url; larger ones only cost time


@dataclass(frozen=True, slots=True)
class Key:
    """One public key with what its owner said about its use."""

    kid: str
    kty: str
    crv: str
    alg: str
    material: jwk.Key = field(repr=False, compare=False)

    def fits(self, algorithm: str) -> bool:
        """Whether a signature by `algorithm` could be this key's."""
        kty, crv = _FITTING.get(algorithm, ("", ""))
        return self.kty == kty and (not crv or self.crv == crv) and self.alg in ("", algorithm)


@dataclass(frozen=True, slots=True)
class KeySet:
    """Public keys for signatures, in the order they were published."""

    keys: tuple[Key, ...] = ()

    def candidates(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that may have signed: by `kid` where one is named, else all that fit."""
        fitting = (key for key in self.keys if key.fits(algorithm))
        if kid is None:
            return tuple(fitting)
        return tuple(key for key in fitting if key.kid == kid)

    def knows(self, kid: str | None) -> bool:
        """Whether a key of this name is in the set; None asks whether there is any key."""
        return bool(self.keys) if kid is None else any(key.kid == kid for key in self.keys)


def parse_key_set(document: bytes | str | Mapping[str, Json]) -> KeySet:
    """Read `{"keys": [...]}`; keys that we cannot use or that are for encryption are skipped.

    Raises `TokenRejected` when the document is no key set. Private members are not read.
    """
    if isinstance(document, Mapping):
        members: Mapping[str, Json] = document
    else:
        members = parse_object(document, "the key set")
    entries = as_list(members.get("keys"))
    if entries is None:
        raise TokenRejected("the key set should have a list called keys", Reason.KEY)
    if len(entries) > _MAX_KEYS:
        raise TokenRejected(f"the key set has more than {_MAX_KEYS} keys", Reason.KEY)
    keys = (_parse_key(entry) for entry in entries)
    return KeySet(tuple(key for key in keys if key is not None))


def _parse_key(entry: Json) -> Key | None:
    """One entry as a key, or None when it is not for checking signatures (RFC 7517, 4, 5)."""
    members = as_object(entry)
    if members is None:
        return None
    kty = text(members, "kty")
    operations = as_list(members.get("key_ops", ["verify"])) or []
    if (
        kty not in _PUBLIC_MEMBERS
        or members.get("use", "sig") != "sig"
        or not ("verify" in operations or "sign" in operations)
    ):
        return None
    public = {name: members.get(name) for name in _PUBLIC_MEMBERS[kty]}
    if not all(isinstance(value, str) for value in public.values()):
        return None
    material = _import(public)
    if material is None:
        return None
    return Key(
        kid=text(members, "kid"),
        kty=kty,
        crv=text(members, "crv"),
        alg=text(members, "alg"),
        material=material,
    )


def _import(public: dict[str, Json]) -> jwk.Key | None:
    if len(public.get("e", "")) > _MAX_RSA_EXPONENT_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            # joserfc only warns about short RSA keys; we refuse them just below.
            warnings.simplefilter("ignore")
            key = jwk.import_key(public)
            if isinstance(key, jwk.RSAKey):
                bits = key.public_key.key_size
                return key if _MIN_RSA_BITS <= bits <= _MAX_RSA_BITS else None
    except (JoseError, ValueError, TypeError, KeyError):
        # joserfc raises KeyError for a curve that it does not know.
        return None
    return key
