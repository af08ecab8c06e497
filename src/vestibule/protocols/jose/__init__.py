"""JSON Web Signatures and Tokens, verified one way only (RFC 7515, 7517, 7519, 8725).

`verify_jws` proves who wrote a token, `check_claims` that it is meant for us and for now;
`verify_token` does both. Whatever fails raises `TokenRejected`, and what they return is
the only part of a token that may be believed.
"""

from vestibule.protocols.jose.claims import Claims, check_claims
from vestibule.protocols.jose.errors import Reason, TokenRejected
from vestibule.protocols.jose.keys import KNOWN_ALGORITHMS, Key, KeySet, parse_key_set
from vestibule.protocols.jose.strict_json import parse_object
from vestibule.protocols.jose.verify import (
    DEFAULT_ALGORITHMS,
    verify_jws,
    verify_token,
)

__all__ = [
    "DEFAULT_ALGORITHMS",
    "KNOWN_ALGORITHMS",
    "Claims",
    "Key",
    "KeySet",
    "Reason",
    "TokenRejected",
    "check_claims",
    "parse_key_set",
    "parse_object",
    "verify_jws",
    "verify_token",
]
