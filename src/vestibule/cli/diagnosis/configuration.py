"""The configuration: valid, and without what works but is rarely meant."""

from __future__ import annotations

from collections.abc import Iterator

from vestibule.cli.diagnosis.finding import Finding, bad, ok, warn
from vestibule.cli.diagnosis.patient import Patient
from vestibule.connectors import CONNECTORS
from vestibule.flows.judge import judge
from vestibule.model.application import Application, ApplicationType
from vestibule.model.configuration import Configuration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.rules import Policy, RuleGroup
from vestibule.policy.pattern import Pattern, parse


def applications(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """Something stands behind each application, and somebody can be let in."""
    served = [
        one
        for one in configuration.applications.values()
        if one.enabled and one.type is ApplicationType.SELF_HOSTED
    ]
    origins = [parse(origin.match) for origin in configuration.origins.values()]
    found = False
    for application in served:
        for finding in _application(application, origins, patient):
            found = True
            yield finding
    if not served:
        yield warn("no application is protected yet", "write one, and run `vestibule apply`")
    elif not found:
        yield ok(f"{len(served)} applications, each with an origin and a policy")


def _application(
    application: Application, origins: list[Pattern], patient: Patient
) -> Iterator[Finding]:
    if not application.policy_ids:
        yield warn(
            f"{application.name} has no policy: it admits nobody",
            "name a policy that allows somebody",
        )
    bare = [
        one for one in application.destinations if not any(_meets(parse(one), o) for o in origins)
    ]
    if bare and patient.settings.forward_auth.port is not None:
        yield ok(
            f"{application.name} has no origin for {', '.join(bare)}: it is reached through "
            "another proxy's forward auth"
        )
    elif bare:
        yield warn(
            f"{application.name} has no origin for {', '.join(bare)}: visitors are told so",
            f"add an origin whose match covers {bare[0]}",
        )


def _meets(destination: Pattern, origin: Pattern) -> bool:
    """Whether some request of the destination may lead to the origin."""
    hosts = origin.matches_host(destination.host) or destination.matches_host(origin.host)
    paths = origin.matches_path(destination.path) or destination.matches_path(origin.path)
    return hosts and paths


def policies(_: Patient, configuration: Configuration) -> Iterator[Finding]:
    """The whole configuration is judged as `apply` would."""
    try:
        _judged, warnings = judge(configuration, CONNECTORS)
    except InvalidConfiguration as error:
        yield bad(str(error), "run `vestibule export`, correct the document, and apply it")
        return
    for sentence in warnings:
        yield warn(sentence, "say what is meant, in the policy that is named")
    if not warnings:
        yield ok(f"{len(configuration.policies)} policies, without a warning")


def countries(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """Rules about countries need a database of countries."""
    owners: tuple[Policy | RuleGroup, ...] = (
        *configuration.policies.values(),
        *configuration.groups.values(),
    )
    using = [
        one.name
        for one in owners
        if any(rule.selector == "geo" for rule in (*one.include, *one.require, *one.exclude))
    ]
    if using and patient.settings.geoip_database is None:
        yield bad(
            f"{', '.join(using)} asks for a country, and there is no database of countries",
            "set geoip_database to a MaxMind database (.mmdb)",
        )
    else:
        yield ok("countries are known" if using else "no rule asks for a country")


def approvals(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """Who is to approve is told by mail."""
    asking = [one.name for one in configuration.policies.values() if one.approval_required]
    smtp = patient.settings.smtp
    if not asking:
        yield ok("no policy asks for an approval")
    elif not smtp.host:
        yield warn(
            f"{', '.join(asking)} asks for an approval, and no mail can be sent",
            "set smtp.host; until then the person has to hand the link to an approver",
        )
    else:
        try:
            patient.connect(smtp.host, smtp.port)
        except OSError as error:
            yield bad(
                f"the mail relay {smtp.host}:{smtp.port} does not answer: "
                f"{error.strerror or error}",
                "correct smtp.host and smtp.port, or let this machine reach it",
            )
        else:
            yield ok(f"the mail relay {smtp.host}:{smtp.port} answers")


def forward_auth(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """A listener that foreign proxies ask needs proxies that can prove who they are."""
    if patient.settings.forward_auth.port is None:
        yield ok("off")
    elif not configuration.forward_auth_clients:
        yield warn(
            "the forward-auth listener is open, and knows no proxy: it refuses everybody",
            "add forward_auth_clients with a secret for each proxy, or unset forward_auth.port",
        )
    else:
        known = ", ".join(one.name for one in configuration.forward_auth_clients.values())
        yield ok(f"may be asked by {known}")
