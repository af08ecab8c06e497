"""The certificates of the listeners: usable, in time, and for the right names."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from vestibule.cli.diagnosis.finding import Finding, bad, ok, warn
from vestibule.cli.diagnosis.names import application_hosts, is_local
from vestibule.cli.diagnosis.patient import Patient
from vestibule.cli.diagnosis.ports import LOCAL_NAMES
from vestibule.flows.door import host_of
from vestibule.model.configuration import Configuration

RENEW_BEFORE = timedelta(days=21)


def certificates(patient: Patient, configuration: Configuration) -> Iterator[Finding]:
    """The public listener's certificate covers every name; the other one is usable."""
    settings = patient.settings
    team = host_of(configuration.organization.auth_domain)
    certificate, key = settings.listen.tls_certificate, settings.listen.tls_key
    if certificate is not None and key is not None:
        wanted = (team, *application_hosts(configuration))
        yield from judge(patient, certificate, key, dict.fromkeys(wanted))
    elif settings.listen.host in LOCAL_NAMES and is_local(team):
        yield ok("no certificate is needed for names under localhost")
    elif settings.allow_plain_http:
        yield warn(
            "the public listener speaks plain HTTP, as allow_plain_http says",
            "see that TLS ends in front of it, and that nobody reaches it otherwise",
        )
    else:
        yield bad(
            "the public listener has no certificate",
            "give listen.tls_certificate and listen.tls_key, or set allow_plain_http where TLS "
            "ends in front of Vestibule",
        )
    forward_auth = settings.forward_auth
    if forward_auth.tls_certificate is not None and forward_auth.tls_key is not None:
        yield from judge(patient, forward_auth.tls_certificate, forward_auth.tls_key, ())


def judge(
    patient: Patient, certificate: Path, key: Path, names: Iterable[str]
) -> Iterator[Finding]:
    """Whether the pair can be used now and for a while, and for which of `names` not."""
    try:
        read = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (OSError, ValueError) as error:
        yield bad(
            f"the certificate {certificate} cannot be read: {error}",
            "expected a PEM file: the server's certificate first, then its intermediates",
        )
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            certificate, key, password=lambda: ""
        )
    except (OSError, ssl.SSLError) as error:
        yield bad(
            f"{certificate} cannot be used with {key}: {getattr(error, 'reason', '') or error}",
            "give the unencrypted key that belongs to the first certificate of the file",
        )
    yield _in_time(patient, certificate, read)
    missing = [name for name in names if not covers(read, name)]
    for name in missing:
        yield bad(
            f"{certificate} is not for {name}",
            f"order one that names {name} too"
            + ("" if "*" not in name else " (a certificate's * stands for the whole first label)"),
        )
    if not missing:
        yield ok(f"{certificate} is for every name that is served")


def _in_time(patient: Patient, file: Path, certificate: x509.Certificate) -> Finding:
    now, end = patient.now(), certificate.not_valid_after_utc
    remedy = "renew it; the gateway takes the new files by itself"
    if certificate.not_valid_before_utc > now:
        begin = certificate.not_valid_before_utc.isoformat()
        return bad(f"{file} is not valid before {begin}", "wait, or set this machine's clock")
    if end <= now:
        return bad(f"{file} expired on {end.date()}", remedy)
    days = (end - now) // timedelta(days=1)
    if end - now < RENEW_BEFORE:
        return warn(f"{file} expires in {days} days, on {end.date()}", remedy)
    return ok(f"{file} serves for {days} more days")


def covers(certificate: x509.Certificate, name: str) -> bool:
    """Whether the certificate is for every host that `name` stands for (RFC 9525, 6.3)."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        pass
    else:
        return address in extension.value.get_values_for_type(x509.IPAddress)
    said = {one.lower() for one in extension.value.get_values_for_type(x509.DNSName)}
    first, _, rest = name.lower().partition(".")
    if "*" in rest:
        return False
    return (name.lower() in said and "*" not in first) or f"*.{rest}" in said
