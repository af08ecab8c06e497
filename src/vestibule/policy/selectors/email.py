"""`email`, `email_domain`, `email_list`: whose address it is.

Addresses are compared lower-cased, a domain exactly with what follows the `@` (no
sub-domains). Letters outside ASCII are not folded: U+212A would fold to `k`, and so let
its owner be somebody else. An address with two `@` has no certain domain (a known bypass);
it and others that mail servers read in several ways are a doubt.
"""

from __future__ import annotations

from functools import lru_cache

from vestibule.model.identity import Identity
from vestibule.model.rules import ListKind
from vestibule.model.values import Json
from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.selector import (
    Body,
    Field,
    Finding,
    Selector,
    decided,
    of_identity,
    says,
    text,
)


def folded(address: str) -> str:
    """The address as it is compared."""
    return address.lower() if address.isascii() else address


def _unsure(identity: Identity) -> Finding | None:
    email = identity.email
    odd = " " in email or not email.isprintable() or email.endswith(".")
    if odd or email.count("@") != 1:
        return Finding(Match.UNKNOWN, identity.email, "the provider gave no usable address")
    return None


def _judge_email(body: Body, identity: Identity) -> Finding:
    return _unsure(identity) or decided(
        folded(identity.email) == folded(body["email"].strip()), identity.email
    )


def _judge_domain(body: Body, identity: Identity) -> Finding:
    domain = identity.email.rpartition("@")[2]
    return _unsure(identity) or decided(folded(domain) == folded(body["domain"].strip()), domain)


@lru_cache(maxsize=64)
def _addresses(items: tuple[str, ...]) -> frozenset[str]:
    return frozenset(folded(item.strip()) for item in items)


def _judge_list(body: Body, context: Context) -> Finding:
    values = context.lists.get(body["id"])
    if values is None or values.kind is not ListKind.EMAIL:
        return Finding(Match.UNKNOWN, note="there is no such list of addresses", broken=True)
    if context.identity is None:
        return Finding(Match.UNKNOWN, note="nobody has signed in yet")
    return _unsure(context.identity) or decided(
        folded(context.identity.email) in _addresses(values.items), context.identity.email
    )


def _address(value: Json) -> str:
    good = isinstance(value, str) and "@" in value[1:-1]
    return "" if good else "an e-mail address such as ada@example.com"


def _domain(value: Json) -> str:
    good = isinstance(value, str) and value.strip() and "@" not in value
    return "" if good else "a domain without @, such as example.com"


def _not_listed(_body: Body, context: Context) -> str:
    if context.identity is None:
        return "Sign in with an account that may open this application."
    return f"Your account {context.identity.email} is not one that may open this application."


_barred = says("Your account is kept out of this application.")

EMAIL = Selector(
    name="email",
    meaning="the e-mail address is {email}",
    judge=of_identity(_judge_email),
    advice=_not_listed,
    objection=_barred,
    fields=(Field("email", _address),),
    identity=True,
)

EMAIL_DOMAIN = Selector(
    name="email_domain",
    meaning="the e-mail address ends in @{domain}",
    judge=of_identity(_judge_domain),
    advice=_not_listed,
    objection=_barred,
    fields=(Field("domain", _domain),),
    identity=True,
)

EMAIL_LIST = Selector(
    name="email_list",
    meaning="the e-mail address is in the list {id}",
    judge=_judge_list,
    advice=_not_listed,
    objection=_barred,
    fields=(Field("id", text),),
    identity=True,
)
