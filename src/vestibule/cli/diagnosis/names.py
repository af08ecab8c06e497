"""Names: the team domain and each application's host lead somewhere."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from vestibule.cli.diagnosis.finding import Finding, bad, ok, unknown
from vestibule.cli.diagnosis.patient import Patient
from vestibule.flows.door import host_of
from vestibule.model.application import ApplicationType
from vestibule.model.configuration import Configuration
from vestibule.policy.pattern import parse

RESOLVE_WITHIN = 5.0


def application_hosts(configuration: Configuration) -> tuple[str, ...]:
    """The hosts of all applications that are served here, wildcards among them."""
    return tuple(
        dict.fromkeys(
            parse(destination).host
            for application in configuration.applications.values()
            if application.enabled and application.type is ApplicationType.SELF_HOSTED
            for destination in application.destinations
        )
    )


def names(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """The team domain and every host without a wildcard resolves."""
    team = host_of(configuration.organization.auth_domain)
    hosts = [host for host in application_hosts(configuration) if "*" not in host]
    wanted = dict.fromkeys((team, *hosts))
    asked = [name for name in wanted if not is_local(name)]
    if len(asked) < len(wanted):
        yield ok("names under localhost are found by browsers themselves")
    for name, answer in look_up(asked, patient.resolve).items():
        if isinstance(answer, tuple):
            yield ok(f"{name} is {', '.join(answer)}")
        elif isinstance(answer, OSError):
            yield bad(
                f"{name} does not resolve: {answer.strerror or answer}",
                "let its DNS record name the address that visitors reach the gateway at"
                if name != team
                else "organization.auth_domain is the team domain: let its DNS record name the "
                "address of the gateway, or apply another name",
            )
        else:
            yield unknown(
                f"nobody answered for {name} within {RESOLVE_WITHIN:g} s",
                "see that this machine's resolver works",
            )


def is_local(name: str) -> bool:
    """Whether a browser takes `name` for its own machine (RFC 6761, 6.3)."""
    return name == "localhost" or name.endswith(".localhost")


def look_up(
    wanted: Iterable[str], resolve: Callable[[str], tuple[str, ...]]
) -> Mapping[str, tuple[str, ...] | OSError | None]:
    """What the resolver says of each name, all asked at once; None where it stays silent."""
    found: dict[str, tuple[str, ...] | OSError | None] = dict.fromkeys(wanted)
    answers: queue.Queue[tuple[str, tuple[str, ...] | OSError]] = queue.Queue()

    def ask(name: str) -> None:
        try:
            answers.put((name, resolve(name)))
        except OSError as error:
            answers.put((name, error))

    for name in found:
        # The system's resolver takes no deadline; a silent one must not keep us from ending.
        threading.Thread(target=ask, args=(name,), daemon=True).start()
    try:
        for _ in range(len(found)):
            name, answer = answers.get(timeout=RESOLVE_WITHIN)
            found[name] = answer
    except queue.Empty:
        pass
    return found
