"""`auth_method` and `auth_context`: how strongly somebody signed in (identity.md 5).

An `amr` value is compared exactly; `mfa` is never inferred from two others (5.1).
"""

from __future__ import annotations

from vestibule.model.identity import Identity
from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.attributes import values_of
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

_IN_WORDS = {
    "face": "facial recognition",
    "fpt": "a fingerprint",
    "hwk": "a security key",
    "mfa": "a second factor",
    "otp": "a one-time code",
    "phr": "a method that resists phishing",
    "phrh": "a method that resists phishing, bound to your device",
    "pop": "a security key or passkey",
    "pwd": "a password",
    "sc": "a smart card",
    "sms": "a code by text message",
    "swk": "an authenticator app",
    "tel": "a phone call",
}


def _judge_method(body: Body, identity: Identity) -> Finding:
    if identity.amr is None:
        note = "the provider did not say how the sign-in was made (no amr)"
        return Finding(Match.UNKNOWN, note=note)
    return decided(body["auth_method"] in identity.amr, ", ".join(identity.amr) or "none")


def _sign_in_with(body: Body, context: Context) -> str:
    method = str(body["auth_method"])
    words = _IN_WORDS.get(method)
    wanted = f"Sign in with {words} ({method})." if words else f"Sign in with the method {method}."
    if context.identity is None:
        return wanted
    if context.identity.amr is None:
        return f"{wanted} Your identity provider did not say how you signed in."
    return f"{wanted} You signed in with: {', '.join(context.identity.amr) or 'nothing known'}."


def _not_with(body: Body, context: Context) -> str:
    if context.identity is not None and context.identity.amr is None:
        return "Your identity provider did not say how you signed in."
    method = str(body["auth_method"])
    return f"Sign in without {_IN_WORDS.get(method, 'the method')} ({method})."


AUTH_METHOD = Selector(
    name="auth_method",
    meaning="the provider reports the authentication method {auth_method}",
    judge=of_identity(_judge_method),
    advice=_sign_in_with,
    objection=_not_with,
    fields=(Field("auth_method", text),),
    identity=True,
)


def _judge_context(body: Body, identity: Identity) -> Finding:
    if identity.idp_id != body["identity_provider_id"]:
        return decided(False, f"signed in through {identity.idp_id}")
    if "acrs" not in identity.claims:
        return Finding(Match.UNKNOWN, note="the provider sent no claim acrs")
    satisfied = values_of(identity.claims["acrs"])
    return decided(body["ac_id"] in satisfied, ", ".join(satisfied) or "none")


AUTH_CONTEXT = Selector(
    name="auth_context",
    meaning="the authentication context {ac_id} of {identity_provider_id} was satisfied",
    judge=of_identity(_judge_context),
    advice=says("Your identity provider has to confirm more about this sign-in. Sign in again."),
    objection=says("This application does not accept the way you signed in."),
    # `id` names the context in the provider's own directory; `ac_id` is what a token says.
    fields=(Field("id", text), Field("ac_id", text), Field("identity_provider_id", text)),
    identity=True,
)
