"""A mail server of this host: takes messages, with STARTTLS and a login where it is told to."""

import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers import free_port


class Inbox:
    """What came in, and who may send it."""

    def __init__(self, refused: tuple[str, ...] = ()) -> None:
        self.messages: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.logins: list[str] = []
        self.busy = False
        self._refused = refused

    async def handle_RCPT(  # the server calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self._refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.busy:
            return "451 try again later"
        content = cast("bytes", envelope.content)
        self.envelopes.append(envelope)
        self.messages.append(
            cast("EmailMessage", message_from_bytes(content, policy=policy.default))
        )
        return "250 taken"

    def login(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str,
              data: LoginPassword) -> AuthResult:  # fmt: skip
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"right", handled=False)


def serve(
    inbox: Inbox, context: ssl.SSLContext | None = None, port: int | None = None
) -> Controller:
    """Start the server on `port`, or on a free one; stop it with its `stop`."""
    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=port or free_port(),
        authenticator=inbox.login,
        auth_required=context is not None,
        auth_require_tls=context is not None,
        require_starttls=context is not None,
        tls_context=context,
    )
    controller.start()
    return controller
