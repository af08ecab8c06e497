"""`external_evaluation`: what a service of the operator's says (access.md 3.9).

It was asked before the policies are judged; only a valid, signed answer is in the facts.
"""

from __future__ import annotations

from vestibule.model.rules import ExternalEvaluation
from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.selector import (
    Body,
    Field,
    Finding,
    Selector,
    decided,
    says,
    text,
)


def evaluation(body: Body) -> ExternalEvaluation:
    """What a rule of this kind wants asked."""
    return ExternalEvaluation(body["evaluate_url"], body["keys_url"])


def _judge(body: Body, context: Context) -> Finding:
    answer = context.external.get(evaluation(body))
    if answer is None:
        return Finding(Match.UNKNOWN, note="no valid answer came")
    return decided(answer, "success" if answer else "no success")


_refused = says("A further check of your account did not let you in.")

EXTERNAL_EVALUATION = Selector(
    name="external_evaluation",
    meaning="{evaluate_url} answers with success",
    judge=_judge,
    advice=_refused,
    objection=_refused,
    fields=(Field("evaluate_url", text), Field("keys_url", text)),
    identity=True,
)
