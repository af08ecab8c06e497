"""Small generated policies, rule groups, identities and requests, for whoever tests with them.

The vocabulary is narrow on purpose: values collide often, so that rules match about as
often as they do not, and a failing example is short enough to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from vestibule.model.identity import Identity, IdentityGroup
from vestibule.model.machine import ClientCertificate
from vestibule.model.request import RequestFacts
from vestibule.model.rules import (
    Decision,
    ExternalEvaluation,
    ListKind,
    Policy,
    RiskLevel,
    Rule,
    RuleGroup,
    ValueList,
)
from vestibule.policy.context import Context

EMAILS = ("ada@example.com", "bob@example.com", "eve@example.org")
ADDRESSES = ("203.0.113.7", "203.0.113.200", "198.51.100.9", "2001:db8::7", "2001:db8:1::7")
RANGES = ("203.0.113.0/24", "203.0.113.128/25", "198.51.100.9", "2001:db8::/48", "0.0.0.0/0")
COUNTRIES = ("PT", "US", "FR")
COMMON_NAMES = ("edge.example.com", "probe.example.com")
SERVICE_TOKENS = ("token-1", "token-2")
APPLICATIONS = ("app-1", "app-2")
PROVIDERS = ("okta-1", "entra-1")
METHODS = ("pwd", "otp", "hwk", "mfa")
GROUP_IDS = ("group-1", "group-2", "group-3")
LISTS: Mapping[str, ValueList] = {
    "emails-1": ValueList("emails-1", "Staff", ListKind.EMAIL, EMAILS[:2]),
    "ranges-1": ValueList("ranges-1", "Offices", ListKind.IP, (RANGES[1], RANGES[3])),
    "ranges-2": ValueList("ranges-2", "Mistyped", ListKind.IP, (RANGES[2], "nonsense")),
}
EVALUATION = ExternalEvaluation("https://judge.example.com/", "https://judge.example.com/keys")

IDENTITY_RULES = st.one_of(
    st.sampled_from(EMAILS).map(lambda it: Rule("email", {"email": it})),
    st.sampled_from(("example.com", "example.org")).map(
        lambda it: Rule("email_domain", {"domain": it})
    ),
    st.sampled_from(("emails-1", "lost")).map(lambda it: Rule("email_list", {"id": it})),
    st.sampled_from(METHODS).map(lambda it: Rule("auth_method", {"auth_method": it})),
    st.sampled_from(PROVIDERS).map(lambda it: Rule("login_method", {"id": it})),
    st.sampled_from(PROVIDERS).map(
        lambda it: Rule("okta", {"name": "Engineering", "identity_provider_id": it})
    ),
    st.lists(st.sampled_from(tuple(RiskLevel)), min_size=1, max_size=2, unique=True).map(
        lambda it: Rule("user_risk_score", {"user_risk_score": [level.value for level in it]})
    ),
    st.just(
        Rule(
            "external_evaluation",
            {"evaluate_url": EVALUATION.evaluate_url, "keys_url": EVALUATION.keys_url},
        )
    ),
)
MACHINE_RULES = st.one_of(
    st.sampled_from(SERVICE_TOKENS).map(lambda it: Rule("service_token", {"token_id": it})),
    st.just(Rule("any_valid_service_token", {})),
    st.sampled_from(APPLICATIONS).map(lambda it: Rule("linked_app_token", {"app_uid": it})),
)
CONTINUOUS_RULES = st.one_of(
    st.sampled_from(RANGES).map(lambda it: Rule("ip", {"ip": it})),
    st.sampled_from(("ranges-1", "ranges-2", "lost")).map(lambda it: Rule("ip_list", {"id": it})),
    st.sampled_from(COUNTRIES).map(lambda it: Rule("geo", {"country_code": it})),
    st.just(Rule("certificate", {})),
    st.sampled_from(COMMON_NAMES).map(lambda it: Rule("common_name", {"common_name": it})),
)
EVERYONE = st.just(Rule("everyone", {}))
GROUP_RULES = st.sampled_from((*GROUP_IDS, "lost")).map(lambda it: Rule("group", {"id": it}))


# Allow more often than not, so that somebody gets in and what follows can be tested.
_DECISIONS = (*(Decision.ALLOW,) * 5, *(Decision.DENY,) * 2, Decision.BYPASS, Decision.NON_IDENTITY)


def rules(*, grouped: bool = True) -> st.SearchStrategy[Rule]:
    """Any rule; with `grouped`, also references to rule groups, which may be lost."""
    kinds = [CONTINUOUS_RULES, IDENTITY_RULES, EVERYONE, MACHINE_RULES]
    return st.one_of(*kinds, GROUP_RULES) if grouped else st.one_of(*kinds)


def groups() -> st.SearchStrategy[Mapping[str, RuleGroup]]:
    """Up to three rule groups, some of one kind, some mixed, some in a circle."""
    kinds = st.sampled_from(
        (CONTINUOUS_RULES, IDENTITY_RULES, rules(grouped=False), rules(grouped=True))
    )

    @st.composite
    def group(draw: st.DrawFn, id: str) -> RuleGroup:
        kind = draw(kinds)
        return RuleGroup(
            id,
            f"Name of {id}",
            tuple(draw(st.lists(kind, min_size=1, max_size=2))),
            tuple(draw(st.lists(kind, max_size=1))),
            tuple(draw(st.lists(kind, max_size=1))),
        )

    return st.fixed_dictionaries({}, optional={each: group(each) for each in GROUP_IDS})


@st.composite
def policies(draw: st.DrawFn, *, at_most: int = 4) -> tuple[Policy, ...]:
    """The policies of one application, in order; often made of one kind of rule a list."""
    kinds = st.one_of(
        st.just(rules()),
        st.just(CONTINUOUS_RULES),
        st.just(st.one_of(IDENTITY_RULES, EVERYONE)),
        st.just(EVERYONE),
        st.just(MACHINE_RULES),
    )

    def some(minimum: int, maximum: int) -> tuple[Rule, ...]:
        return tuple(draw(st.lists(draw(kinds), min_size=minimum, max_size=maximum)))

    return tuple(
        Policy(
            id=f"policy-{number}",
            name=f"Policy {number}",
            decision=draw(st.sampled_from(_DECISIONS)),
            include=some(1, 3),
            require=some(0, 1),
            exclude=some(0, 1),
            isolation_required=draw(st.integers(0, 19)) == 0,
        )
        for number in range(draw(st.integers(1, at_most)))
    )


def identities() -> st.SearchStrategy[Identity]:
    """Somebody, signed in through Okta or Entra, with or without `amr`."""
    return st.builds(
        Identity,
        idp_id=st.sampled_from(PROVIDERS),
        idp_type=st.just("okta"),
        subject=st.just("00u1"),
        email=st.sampled_from(EMAILS),
        groups=st.sampled_from(((), (IdentityGroup("Engineering", "Engineering"),))),
        amr=st.none() | st.lists(st.sampled_from(METHODS), max_size=3, unique=True).map(tuple),
        claims=st.just({}),
        saml_attributes=st.just({}),
    )


def requests() -> st.SearchStrategy[RequestFacts]:
    """A request whose address is valid, as the data plane's always is."""
    certificates = st.sampled_from(COMMON_NAMES).map(lambda it: ClientCertificate(common_name=it))
    return st.builds(
        RequestFacts,
        method=st.just("GET"),
        scheme=st.just("https"),
        host=st.just("app.example.com"),
        authority=st.just("app.example.com"),
        path=st.just("/"),
        headers=st.just({}),
        cookies=st.just({}),
        client_ip=st.sampled_from(ADDRESSES),
        country=st.none() | st.sampled_from(COUNTRIES),
        certificate=st.none() | certificates,
    )


@dataclass(frozen=True)
class World:
    """An application's policies, what they refer to, and somebody at its door."""

    policies: tuple[Policy, ...]
    groups: Mapping[str, RuleGroup]
    lists: Mapping[str, ValueList]
    context: Context


@st.composite
def worlds(draw: st.DrawFn, *, identified: bool | None = None, welcoming: bool = False) -> World:
    """All of it. `identified` says whether somebody has signed in; None leaves it open.

    With `welcoming` the last policy allows everyone (from some place, perhaps), so that
    most visitors get in.
    """
    known = draw(groups())
    somebody = draw(st.booleans()) if identified is None else identified
    context = Context(
        request=draw(requests()),
        identity=draw(identities()) if somebody else None,
        groups=known,
        lists=LISTS,
        service_token_id=draw(st.none() | st.sampled_from(SERVICE_TOKENS)),
        linked_application_ids=draw(st.frozensets(st.sampled_from(APPLICATIONS), max_size=1)),
        risk_level=draw(st.none() | st.sampled_from(tuple(RiskLevel))) if somebody else None,
        external={EVALUATION: draw(st.none() | st.booleans())} if somebody else {},
    )
    listed = draw(policies())
    if welcoming:
        last = Policy(
            id="last",
            name="Last",
            decision=Decision.ALLOW,
            include=(draw(EVERYONE | CONTINUOUS_RULES),),
            require=tuple(draw(st.lists(CONTINUOUS_RULES, max_size=1))),
        )
        listed = (*listed, last)
    return World(listed, known, LISTS, context)
