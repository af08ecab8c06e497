"""What an application's policies say of somebody who is at the login page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vestibule.model.application import Application
from vestibule.model.configuration import Configuration
from vestibule.model.identity import Identity, User
from vestibule.model.request import RequestFacts
from vestibule.model.rules import ExternalEvaluation, Policy, RiskLevel
from vestibule.policy.context import Context
from vestibule.policy.continuous import conditions, plan
from vestibule.policy.evaluate import evaluate
from vestibule.policy.needs import external_evaluations
from vestibule.policy.verdict import Verdict
from vestibule.tokens.application import ASK, Standing

ExternalAnswers = Mapping[ExternalEvaluation, bool | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One question to the policy engine: who asks for which application, from where."""

    configuration: Configuration
    application: Application
    facts: RequestFacts
    identity: Identity | None = None
    risk_level: RiskLevel = RiskLevel.UNSCORED
    external: ExternalAnswers = field(default_factory=dict[ExternalEvaluation, bool | None])

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The application's policies in order of precedence."""
        return self.configuration.policies_of(self.application)

    @property
    def context(self) -> Context:
        """What the engine is told."""
        return Context(
            request=self.facts,
            identity=self.identity,
            groups=self.configuration.groups,
            lists=self.configuration.lists,
            risk_level=self.risk_level,
            external=self.external,
        )


def case_of(
    configuration: Configuration,
    application: Application,
    facts: RequestFacts,
    identity: Identity | None,
    user: User | None,
    external: ExternalAnswers,
) -> Case:
    """The question about `user` with `identity`; both None before the sign-in."""
    risk_level = user.risk_level if user is not None else RiskLevel.UNSCORED
    return Case(configuration, application, facts, identity, risk_level, external)


def judge(case: Case) -> Verdict:
    """What the policies say."""
    return evaluate(case.policies, case.context)


def needed_evaluations(
    configuration: Configuration, application: Application
) -> frozenset[ExternalEvaluation]:
    """The external services that must be asked before the policies can say."""
    return external_evaluations(configuration.policies_of(application), configuration.groups)


def standing_under(case: Case, policy: Policy) -> Standing:
    """What the data plane must check of a token issued now under `policy`."""
    clauses = conditions(case.policies, case.context, policy.id)
    if clauses is None:
        return ASK
    version = plan(case.policies, case.configuration.groups, case.configuration.lists).version
    return Standing(version, clauses)
