"""Notices by e-mail: SMTP (RFC 5321) with STARTTLS or TLS, the password from the settings."""

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Final

import structlog

from node.notices.channel import ChannelError
from node.notices.message import Message
from node.notices.settings import Email

logger = structlog.get_logger(__name__)

_SHOWN: Final = 200  # characters of what a server answers


class Mail:
    """Sends plain text to all addresses in one transaction."""

    name = "email"

    def __init__(self, settings: Email) -> None:
        self._settings = settings

    def send(self, message: Message, number: str) -> str:
        """Send a message to everyone; see `Channel.send`."""
        settings = self._settings
        where = f"mail server {settings.host}:{settings.port}"
        try:
            with self._connected() as server:
                refused = server.send_message(self._written(message, number))
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise ChannelError(
                f"{where} refuses all {len(settings.to)} addresses (SMTP "
                f"{', '.join(map(str, codes))}); check notifications.email.to"
            ) from error
        except smtplib.SMTPResponseException as error:
            raise ChannelError(f"{where} answers {_answer(error)}") from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise ChannelError(f"{where}: {_reason(error)}") from error
        if refused:
            logger.error("mail addresses refused", count=len(refused), of=len(settings.to))
        return f"{where} took it for {len(settings.to) - len(refused)} of {len(settings.to)}"

    def _connected(self) -> smtplib.SMTP:
        """Connect, encrypt and log in.

        Raises:
            OSError, smtplib.SMTPException: one of these failed.
        """
        settings = self._settings
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_s, context=self._context()
            )
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
        try:
            if settings.security == "starttls":
                server.starttls(context=self._context())
            if settings.username:
                server.login(settings.username, settings.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.ca_file)

    def _written(self, message: Message, number: str) -> EmailMessage:
        written = EmailMessage()
        written["Subject"] = message.subject
        written["From"] = self._settings.sender
        written["To"] = ", ".join(self._settings.to)
        written["Date"] = format_datetime(localtime())
        written["Message-ID"] = f"<foramina.{number}@{_domain(self._settings.sender)}>"
        written["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        written.set_content(message.text)
        return written


def _domain(address: str) -> str:
    return address.rpartition("@")[2] or socket.gethostname()


def _answer(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"{error.smtp_code} {shown[:_SHOWN]}"


def _reason(error: Exception) -> str:
    """Say what failed, in the words of the system."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); see email.ca_file"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
