"""`certificate` and `common_name`: the client certificate that the TLS listener verified."""

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


def _judge_certificate(_body: Body, context: Context) -> Finding:
    certificate = context.request.certificate
    if certificate is None:
        return decided(False, "no client certificate")
    return decided(True, certificate.subject or certificate.common_name)


def _judge_common_name(body: Body, context: Context) -> Finding:
    certificate = context.request.certificate
    if certificate is None:
        return decided(False, "no client certificate")
    return decided(certificate.common_name == body["common_name"], certificate.common_name)


def _wrong_name(_body: Body, context: Context) -> str:
    if context.request.certificate is None:
        return "Present a client certificate."
    return "Your client certificate is not one that may open this application."


_barred = says("Your client certificate is kept out of this application.")

CERTIFICATE = Selector(
    name="certificate",
    meaning="a client certificate was verified",
    judge=_judge_certificate,
    advice=says("Present a client certificate."),
    objection=_barred,
    continuous=True,
)

COMMON_NAME = Selector(
    name="common_name",
    meaning="the client certificate's common name is {common_name}",
    judge=_judge_common_name,
    advice=_wrong_name,
    objection=_barred,
    fields=(Field("common_name", text),),
    continuous=True,
)
