"""TLS at the edge and towards origins, and client certificates (access.md 8.2)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.fakes.control_plane import Served, deny
from tests.fakes.gateway import RunningGateway, application, eventually, policy
from tests.fakes.origin import echo
from vestibule.dataplane.gateway import ListenAt
from vestibule.model.application import Origin, OriginTls
from vestibule.model.machine import MtlsCertificate
from vestibule.model.rules import Decision, Rule

pytestmark = pytest.mark.envoy

WIKI = application("wiki")
BANK = application("bank", policies=("certified",))
VAULT = application("vault", policies=("certified",))
CERTIFICATE = Rule("certificate", {})


@dataclass
class Tls:
    """A gateway with certificates, and the authorities behind them."""

    running: RunningGateway
    authority: trustme.CA
    clients: trustme.CA
    pem: Path

    def ask(
        self,
        host: str,
        *,
        sni: str | None = None,
        certificate: trustme.LeafCert | None = None,
        headers: str = "",
    ) -> tuple[int, str, str]:
        """Status, body, and the serving certificate's serial number."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if certificate is not None:
            certificate.configure_cert(context)
        address = ("127.0.0.1", self.running.gateway.port)
        with (
            socket.create_connection(address, timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=sni or host) as connection,
        ):
            connection.sendall(
                f"GET / HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n".encode()
            )
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
            head, _, body = received.decode().partition("\r\n\r\n")
            return int(head.split(" ")[1]), body, str(connection.getpeercert()["serialNumber"])


def issue(authority: trustme.CA, pem: Path) -> None:
    leaf = authority.issue_cert("wiki.test", "bank.test", "vault.test", "team.test")
    chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
    (pem.parent / "new").write_bytes(leaf.private_key_pem.bytes() + chain)
    (pem.parent / "new").rename(pem)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    authority, clients, others = trustme.CA(), trustme.CA(), trustme.CA()
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    issue(authority, pem)
    running = RunningGateway({"public": ListenAt("127.0.0.1", 0, pem, pem)})
    running.start(
        policy("certified", Decision.BYPASS, CERTIFICATE),
        *(WIKI, BANK, VAULT),
        MtlsCertificate("1", "Bank", clients.cert_pem.bytes().decode(), ("bank.test",)),
        MtlsCertificate("2", "Vault", others.cert_pem.bytes().decode(), ("vault.test",)),
    )
    running.control.check = deny
    made = Tls(running, authority, clients, pem)
    try:
        running.publish(
            *(running.echo_origin(a.id, a.destinations[0]) for a in (WIKI, BANK, VAULT))
        )
        eventually(lambda: made.ask("bank.test")[0] == 403)
        yield made
    finally:
        running.stop()


def test_a_verified_certificate_lets_in_where_a_policy_says_so(tls: Tls) -> None:
    device = tls.clients.issue_cert("device", common_name="device")
    before = len(tls.running.control.asked)
    status, body, _ = tls.ask("bank.test", certificate=device)
    assert status == 200
    assert "x-forwarded-client-cert" not in body
    assert len(tls.running.control.asked) == before


def test_without_a_certificate_the_control_plane_is_asked(tls: Tls) -> None:
    forged = 'X-Forwarded-Client-Cert: Hash=aa;Subject="CN=device"\r\n'
    assert tls.ask("bank.test", headers=forged)[:2] == (403, "denied by the control plane")
    assert "x-forwarded-client-cert" not in tls.running.control.asked[-1].headers


def test_the_control_plane_is_told_of_a_verified_certificate(tls: Tls) -> None:
    device = tls.clients.issue_cert("device", common_name="device")
    tls.ask("bank.test", certificate=device, headers="Cf-Access-Client-Id: x\r\n")
    told = tls.running.control.asked[-1].headers["x-forwarded-client-cert"]
    assert "Hash=" in told
    assert "CN=device" in told


def test_a_certificate_of_another_authority_is_refused(tls: Tls) -> None:
    device = tls.clients.issue_cert("device")
    with pytest.raises((ssl.SSLError, OSError)):
        tls.ask("vault.test", certificate=device)


def test_a_connection_for_one_name_serves_no_other(tls: Tls) -> None:
    """A certificate that was verified for `bank.test` is not one for `vault.test`."""
    device = tls.clients.issue_cert("device")
    assert tls.ask("vault.test", sni="bank.test", certificate=device)[0] == 421
    assert tls.ask("bank.test", sni="wiki.test", certificate=device)[0] == 403
    assert "x-forwarded-client-cert" not in tls.running.control.asked[-1].headers


def test_a_renewed_certificate_serves_without_a_restart(tls: Tls) -> None:
    before = tls.ask("wiki.test")[2]
    pid = tls.running.gateway.envoy.pid
    tls.pem.write_text("half a certificate")
    assert tls.ask("wiki.test")[2] == before
    issue(tls.authority, tls.pem)
    eventually(lambda: tls.ask("wiki.test")[2] != before)
    assert tls.running.gateway.envoy.pid == pid


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("127.0.0.1", 503)], ids=["its name", "another name"]
)
def test_an_origins_certificate_is_verified(
    tls: Tls, tmp_path: Path, host: str, status: int
) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "leaf.pem"))
    served = Served(echo, ssl_certfile=str(tmp_path / "leaf.pem")).start()
    app = application("secure", policies=("open",))
    url = f"https://{host}:{served.port}"
    origin = Origin(
        "s", "s", "secure.test", (url,), tls=OriginTls(ca_file=str(tmp_path / "ca.pem"))
    )
    tls.running.publish(policy("open", Decision.BYPASS), app, origin)
    try:
        eventually(lambda: tls.ask("secure.test", sni="wiki.test")[0] == status)
    finally:
        served.stop()


def test_an_origin_of_an_unknown_authority_is_not_trusted(tls: Tls, tmp_path: Path) -> None:
    leaf = trustme.CA().issue_cert("localhost")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "leaf.pem"))
    served = Served(echo, ssl_certfile=str(tmp_path / "leaf.pem")).start()
    app = application("dubious", policies=("open",))
    url = f"https://localhost:{served.port}"
    tls.running.publish(
        policy("open", Decision.BYPASS), app, Origin("d", "d", "dubious.test", (url,))
    )
    try:
        eventually(lambda: tls.ask("dubious.test", sni="wiki.test")[0] == 503)
        tls.running.publish(Origin("d", "d", "dubious.test", (url,), tls=OriginTls(verify=False)))
        eventually(lambda: tls.ask("dubious.test", sni="wiki.test")[0] == 200)
    finally:
        served.stop()
