"""Mail, by way of the operator's relay: fits `Post` of the flows.

The caller's flow is synchronous, so each message runs its own short event loop, in the
worker thread that the flow already has.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Protocol

import aiosmtplib

from vestibule.model.errors import InvalidConfiguration, VestibuleError

_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")
_TIMEOUT = 15.0


class MailNotSent(VestibuleError):
    """The relay did not take the message."""

    code = "mail_not_sent"


class Message(Protocol):
    """A mail as the flows describe it (`flows.ports.Mail`)."""

    @property
    def to(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str: ...


class MailRelay:
    """Hands messages to one SMTP server; `starttls` demands an encrypted connection."""

    def __init__(
        self,
        host: str,
        port: int = 587,
        *,
        sender: str,
        username: str = "",
        password: str = "",
        starttls: bool = True,
        ca_file: Path | None = None,
    ) -> None:
        if not _ADDRESS.fullmatch(sender):
            raise InvalidConfiguration(f"not an e-mail address: {sender!r}", path="smtp.sender")
        self._host, self._port = host, port
        self._sender = sender
        self._username, self._password = username, password
        self._starttls = starttls
        self._tls = _tls(ca_file)

    def send(self, mail: Message) -> None:
        """Deliver `mail` to the relay. Raises `MailNotSent` when it was not taken."""
        message = self._compose(mail)
        try:
            asyncio.run(self._deliver(message))
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailNotSent(
                f"the relay {self._host} does not accept the user name or password "
                f"({error.code}): compare smtp.username and smtp.password_file"
            ) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            said = error.recipients[0] if error.recipients else error
            raise MailNotSent(f"the relay {self._host} refused the recipient: {said}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise MailNotSent(
                f"the relay {self._host} refused the message: {error.code} {error.message[:200]}"
            ) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailNotSent(
                f"the relay {self._host}:{self._port} cannot be used: {str(error)[:200]}"
            ) from error

    async def _deliver(self, message: EmailMessage) -> None:
        await aiosmtplib.send(
            message,
            hostname=self._host,
            port=self._port,
            username=self._username or None,
            password=self._password or None,
            # None would only try: an attacker in between could then strip the encryption.
            start_tls=self._starttls,
            use_tls=False,
            tls_context=self._tls,
            timeout=_TIMEOUT,
        )

    def _compose(self, mail: Message) -> EmailMessage:
        """The message; a recipient or subject that would add headers is refused."""
        if not _ADDRESS.fullmatch(mail.to):
            raise MailNotSent(f"not an e-mail address: {mail.to[:200]!r}")
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = " ".join(mail.subject.split())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=self._sender.partition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        if mail.html:
            message.add_alternative(mail.html, subtype="html")
        return message


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities, and the operator's besides them."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise InvalidConfiguration(
                f"cannot read certificate authorities from {ca_file}: {error}",
                path="outbound.ca_file",
            ) from error
    return context
