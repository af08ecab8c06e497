"""Mail by way of a relay, against a real SMTP server."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from vestibule.flows.ports import Mail
from vestibule.model.errors import InvalidConfiguration
from vestibule.outbound.mail import MailNotSent, MailRelay

MAIL = Mail(to="ada@example.com", subject="A\r\nBcc: x@y.z", text="Grüße", html="<p>Grüße</p>")


class Mailbox:
    """Keeps what arrives; refuses one recipient."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []

    async def handle_RCPT(
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address == "nobody@example.com":
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:
        self.received.append(envelope)
        return "250 OK"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


class FreePort(Controller):
    """A controller on a port that the system chooses."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def serve(mailbox: Mailbox, **settings: Any) -> Controller:
    controller = FreePort(mailbox, hostname="127.0.0.1", port=0, **settings)
    controller.start()
    return controller


@pytest.fixture
def plain() -> Generator[tuple[Mailbox, Controller]]:
    mailbox = Mailbox()
    controller = serve(mailbox)
    yield mailbox, controller
    controller.stop()


def test_a_message_arrives_in_both_forms_and_cannot_smuggle_headers(
    plain: tuple[Mailbox, Controller],
) -> None:
    mailbox, controller = plain
    MailRelay("127.0.0.1", controller.port, sender="v@example.com", starttls=False).send(MAIL)
    [envelope] = mailbox.received
    assert envelope.mail_from == "v@example.com"
    assert envelope.rcpt_tos == ["ada@example.com"]
    message = message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
    assert message["Subject"] == "A Bcc: x@y.z"
    assert message["Bcc"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    plain_part = message.get_body(("plain",))
    html_part = message.get_body(("html",))
    assert plain_part is not None
    assert html_part is not None
    assert plain_part.get_content().strip() == "Grüße"
    assert "<p>Grüße</p>" in html_part.get_content()


@pytest.mark.parametrize(
    "to", ["", "ada", "a@b@c", "a@b.c\nBcc: x@y.z", "a@b.c, d@e.f", "Ada <a@b.c>"]
)
def test_a_recipient_is_one_address(to: str) -> None:
    relay = MailRelay("127.0.0.1", 1, sender="v@example.com")
    with pytest.raises(MailNotSent, match="not an e-mail address"):
        relay.send(Mail(to=to, subject="s", text="t"))


def test_a_sender_that_is_no_address_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(InvalidConfiguration, match=r"smtp\.sender"):
        MailRelay("127.0.0.1", 1, sender="vestibule")


def test_f3_an_unreadable_authority_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"outbound\.ca_file"):
        MailRelay("127.0.0.1", 1, sender="v@example.com", ca_file=tmp_path / "missing.pem")


def test_a_refused_recipient_is_told(plain: tuple[Mailbox, Controller]) -> None:
    relay = MailRelay("127.0.0.1", plain[1].port, sender="v@example.com", starttls=False)
    with pytest.raises(MailNotSent, match="no such mailbox"):
        relay.send(Mail(to="nobody@example.com", subject="s", text="t"))


def test_a_relay_that_does_not_answer_is_told() -> None:
    with pytest.raises(MailNotSent, match="cannot be used"):
        MailRelay("127.0.0.1", 1, sender="v@example.com", starttls=False).send(MAIL)


def test_encryption_that_is_demanded_is_never_dropped(plain: tuple[Mailbox, Controller]) -> None:
    mailbox, controller = plain
    with pytest.raises(MailNotSent):
        MailRelay("127.0.0.1", controller.port, sender="v@example.com").send(MAIL)
    assert mailbox.received == []


def test_with_starttls_the_relays_certificate_is_verified_and_the_password_checked(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    mailbox = Mailbox()

    def authenticator(_s: Any, _session: Any, _e: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data == LoginPassword(b"user", b"right"), handled=False)

    controller = serve(
        mailbox, tls_context=context, auth_required=True, authenticator=authenticator
    )

    def relay(password: str, trusted: Path | None) -> MailRelay:
        return MailRelay(
            "127.0.0.1",
            controller.port,
            sender="v@example.com",
            username="user",
            password=password,
            ca_file=trusted,
        )

    try:
        with pytest.raises(MailNotSent, match="cannot be used"):
            relay("right", None).send(MAIL)
        with pytest.raises(MailNotSent, match="user name or password") as refusal:
            relay("wrong", ca_file).send(MAIL)
        assert "wrong" not in str(refusal.value).replace("wrong user", "")
        relay("right", ca_file).send(MAIL)
    finally:
        controller.stop()
    assert len(mailbox.received) == 1
