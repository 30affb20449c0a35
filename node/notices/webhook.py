"""Notices by HTTP POST of JSON, signed with HMAC-SHA256 (RFC 2104) when there is a secret.

The signature is over the time and the body, so that neither can be changed nor an old message be
sent again: `X-Foramina-Signature: sha256=hex(hmac(secret, "<X-Foramina-Timestamp>." + body))`.
"""

import hashlib
import hmac
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

import node
from node.notices.channel import ChannelError
from node.notices.message import Message
from node.notices.settings import Webhook

SIGNATURE: Final = "X-Foramina-Signature"
TIMESTAMP: Final = "X-Foramina-Timestamp"
NUMBER: Final = "X-Foramina-Message"


class WebhookChannel:
    """Posts messages to one URL; what answers 2xx has taken them."""

    name = "webhook"

    def __init__(self, settings: Webhook) -> None:
        self._settings = settings
        self._opener = urllib.request.build_opener(
            _NoRedirect,
            urllib.request.HTTPSHandler(
                context=ssl.create_default_context(cafile=settings.ca_file)
            ),
        )

    def send(self, message: Message, number: str) -> str:
        """Post a message; see `Channel.send`."""
        url = self._settings.url.get_secret_value()
        where = f"webhook at {urlsplit(url).hostname}"  # the rest may hold a token
        body = json.dumps(message.payload, ensure_ascii=False).encode()
        request = urllib.request.Request(  # noqa: S310  # the settings allow http and https alone
            url, data=body, headers=self._headers(body, number), method="POST"
        )
        try:
            with self._opener.open(request, timeout=self._settings.timeout_s) as answer:
                return f"{where} answered {answer.status}"
        except urllib.error.HTTPError as error:
            error.close()
            raise ChannelError(f"{where} answered {error.code}; expected 200 to 299") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ChannelError(f"{where}: {_reason(error)}") from error

    def _headers(self, body: bytes, number: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"foramina/{node.__version__}",
            NUMBER: number,
        }
        secret = self._settings.secret.get_secret_value()
        if secret:
            at = str(int(time.time()))
            headers |= {TIMESTAMP: at, SIGNATURE: signature(secret, at, body)}
        return headers


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign a body that is sent at a time (seconds since 1970, as text)."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a POST that is led elsewhere would arrive without its body."""

    def redirect_request(self, *_arguments: Any, **_names: Any) -> None:
        return None


def _reason(error: Exception) -> str:
    """Say what failed, without the URL."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message}); see webhook.ca_file"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return getattr(cause, "strerror", None) or type(cause).__name__
