"""The listeners: whether they answer, and whether the private one is private."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from vestibule.cli.diagnosis.finding import Finding, bad, ok, warn
from vestibule.cli.diagnosis.patient import Patient

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def _reachable_at(host: str) -> str:
    """Where a listener of `host` is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def listeners(patient: Patient) -> Iterator[Finding]:
    """Every port that the settings open accepts connections."""
    settings = patient.settings
    ports = [
        ("the public listener", settings.listen.host, settings.listen.port, "gateway"),
        ("the gateway's monitoring", settings.monitoring.host, settings.monitoring.port, "gateway"),
        (
            "the control plane's monitoring",
            settings.monitoring.host,
            settings.monitoring.control_plane_port,
            "serve",
        ),
    ]
    if settings.forward_auth.port is not None:
        ports.append(
            (
                "the forward-auth listener",
                settings.forward_auth.host,
                settings.forward_auth.port,
                "gateway",
            )
        )
    for what, host, port, command in ports:
        if not port:
            yield ok(f"{what} takes any free port")
            continue
        try:
            patient.connect(_reachable_at(host), port)
        except OSError as error:
            yield bad(
                f"{what} does not answer at {host}:{port}: {error.strerror or error}",
                f"start `vestibule up` (or `vestibule {command}`), and look into its log",
            )
        else:
            yield ok(f"{what} answers at {host}:{port}")


def monitoring(patient: Patient) -> Iterator[Finding]:
    """Health and metrics are not there for strangers (attacks.md H9)."""
    host = patient.settings.monitoring.host
    remedy = "set monitoring.host to 127.0.0.1, or to an address of a private network"
    if host in LOCAL_NAMES:
        yield ok("the monitoring listeners are reached from this machine alone")
        return
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        yield warn(f"monitoring.host is the name {host}: what it resolves to may change", remedy)
        return
    if address.is_unspecified:
        yield bad("the monitoring listeners accept connections on every address", remedy)
    elif address.is_global:
        yield bad(f"the monitoring listeners are open at the public address {host}", remedy)
    else:
        yield ok(f"the monitoring listeners are at the private address {host}")
