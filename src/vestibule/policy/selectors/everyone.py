"""`everyone`: whoever it is. Under `allow` they still have to sign in."""

from __future__ import annotations

from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.selector import Body, Finding, Selector, says

_YES = Finding(Match.YES)


def _judge(_body: Body, _context: Context) -> Finding:
    return _YES


EVERYONE = Selector(
    name="everyone",
    meaning="everyone",
    judge=_judge,
    advice=says("Sign in."),
    objection=says("Nobody may open this application now."),
)
