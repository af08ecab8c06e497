"""The table of checks, and how they are carried out: none can hide another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from vestibule.cli.diagnosis.certificate import certificates
from vestibule.cli.diagnosis.clock import clock
from vestibule.cli.diagnosis.configuration import (
    applications,
    approvals,
    countries,
    forward_auth,
    policies,
)
from vestibule.cli.diagnosis.finding import Finding, unknown
from vestibule.cli.diagnosis.gateway import envoy, gateways
from vestibule.cli.diagnosis.names import names
from vestibule.cli.diagnosis.patient import Patient
from vestibule.cli.diagnosis.place import data_directory, database, files, sealing_key, signing_key
from vestibule.cli.diagnosis.ports import listeners, monitoring
from vestibule.cli.diagnosis.providers import callbacks, providers
from vestibule.model.configuration import Configuration
from vestibule.model.errors import VestibuleError

Check: TypeAlias = Callable[[Patient], Iterable[Finding]]


def _configured(check: Callable[[Patient, Configuration], Iterable[Finding]]) -> Check:
    """A check that looks at the configuration too, which a closed database does not give."""

    def run(patient: Patient) -> Iterable[Finding]:
        if patient.configuration is None:
            return (unknown("the configuration could not be read"),)
        return check(patient, patient.configuration)

    return run


CHECKS: tuple[tuple[str, Check], ...] = (
    ("files", files),
    ("data directory", data_directory),
    ("sealing key", sealing_key),
    ("database", database),
    ("signing key", signing_key),
    ("envoy", envoy),
    ("gateway", _configured(gateways)),
    ("listeners", listeners),
    ("monitoring", monitoring),
    ("names", _configured(names)),
    ("certificate", _configured(certificates)),
    ("identity providers", _configured(providers)),
    ("callback", _configured(callbacks)),
    # After the providers, whose answers tell the time.
    ("clock", clock),
    ("applications", _configured(applications)),
    ("policies", _configured(policies)),
    ("countries", _configured(countries)),
    ("approvals", _configured(approvals)),
    ("forward auth", _configured(forward_auth)),
)


def examine(patient: Patient) -> Iterator[tuple[str, Finding]]:
    """Carry out every check, one after the other, and say what each found."""
    for name, check in CHECKS:
        try:
            found = tuple(check(patient))
        except VestibuleError as error:
            found = (unknown(f"could not be looked at: {error}"),)
        except Exception as error:
            found = (unknown(f"the check itself failed: {type(error).__name__}: {error}"),)
        for finding in found:
            yield name, finding
