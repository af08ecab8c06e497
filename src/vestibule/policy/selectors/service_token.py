"""`service_token`, `any_valid_service_token`, `linked_app_token`: what machines present.

They count under `non_identity` and `bypass` alone (access.md 3.4).
"""

from __future__ import annotations

from vestibule.policy.context import Context
from vestibule.policy.selectors.selector import (
    Body,
    Field,
    Finding,
    Selector,
    decided,
    says,
    text,
)


def _judge_token(body: Body, context: Context) -> Finding:
    presented = context.service_token_id
    return decided(presented == body["token_id"], presented or "no service token")


def _judge_any(_body: Body, context: Context) -> Finding:
    presented = context.service_token_id
    return decided(presented is not None, presented or "no service token")


def _judge_linked(body: Body, context: Context) -> Finding:
    linked = context.linked_application_ids
    found = ", ".join(sorted(linked)) or "no other application's token"
    return decided(body["app_uid"] in linked, found)


_present = says("Present a service token that may open this application.")
_barred = says("Your service token is kept out of this application.")

SERVICE_TOKEN = Selector(
    name="service_token",
    meaning="the service token {token_id} was presented",
    judge=_judge_token,
    advice=_present,
    objection=_barred,
    fields=(Field("token_id", text),),
    continuous=True,
    machine=True,
)

ANY_VALID_SERVICE_TOKEN = Selector(
    name="any_valid_service_token",
    meaning="a valid service token was presented",
    judge=_judge_any,
    advice=_present,
    objection=_barred,
    continuous=True,
    machine=True,
)

LINKED_APP_TOKEN = Selector(
    name="linked_app_token",
    meaning="the application {app_uid} forwarded its token",
    judge=_judge_linked,
    advice=says("Forward the token of an application that may open this one."),
    objection=_barred,
    fields=(Field("app_uid", text),),
    continuous=True,
    machine=True,
)
