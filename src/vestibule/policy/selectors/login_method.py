"""`login_method`: through which identity provider somebody signed in."""

from __future__ import annotations

from vestibule.model.identity import Identity
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


def _judge(body: Body, identity: Identity) -> Finding:
    return decided(identity.idp_id == body["id"], identity.idp_id)


LOGIN_METHOD = Selector(
    name="login_method",
    meaning="the sign-in went through the identity provider {id}",
    judge=of_identity(_judge),
    advice=says("Sign in another way: this application does not accept the one you used."),
    objection=says("This application does not accept the way you signed in."),
    fields=(Field("id", text),),
    identity=True,
)
