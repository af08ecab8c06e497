"""`group`: a reusable rule group, judged by its own include, require and exclude.

Judging it means judging its rules, which is `evaluate`'s work; alone it is a doubt.
"""

from __future__ import annotations

from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.selector import Body, Field, Finding, Selector, says, text


def _judge(_body: Body, _context: Context) -> Finding:
    return Finding(Match.UNKNOWN, note="a rule group is judged by its rules")


GROUP = Selector(
    name="group",
    meaning="the rule group {id} matches",
    judge=_judge,
    advice=says("You do not meet a condition of this application."),
    objection=says("A condition of this application keeps you out."),
    fields=(Field("id", text),),
)
