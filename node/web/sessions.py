"""Who is logged in: kept in this process, so that a logout or a restart ends a login for good."""

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import Final

from node.settings import Web

LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Login:
    """One login of a person.

    Attributes:
        person: who.
        form_token: what every form of this login carries, against forged requests.
        since, seen: when it began, and was last used, in seconds of a clock that never goes back.
    """

    person: str
    form_token: str
    since: float
    seen: float


class Sessions:
    """Logins by the token in the cookie; of tokens, only hashes are kept."""

    def __init__(self, settings: Web) -> None:
        self._session_s = settings.session_s
        self._idle_s = settings.idle_s
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._logins: dict[str, Login] = {}

    def begin(self, person: str) -> str:
        """Log a person in; give the token for the cookie."""
        token = secrets.token_urlsafe(32)
        moment = time.monotonic()
        with self._lock:
            self._drop_ended(moment)
            while len(self._logins) >= LIMIT:
                del self._logins[next(iter(self._logins))]  # the oldest
            self._logins[_digest(token)] = Login(person, secrets.token_urlsafe(32), moment, moment)
        return token

    def get(self, token: str, *, active: bool = True) -> Login | None:
        """Give the login of a token, or None; `active` false does not prolong it."""
        moment = time.monotonic()
        key = _digest(token)
        with self._lock:
            self._drop_ended(moment)
            login = self._logins.get(key)
            if login is not None and active:
                self._logins[key] = login = replace(login, seen=moment)
        return login

    def end(self, token: str) -> None:
        """Log out: the token is worth nothing from now on."""
        with self._lock:
            self._logins.pop(_digest(token), None)

    def form_token(self, nonce: str) -> str:
        """Give what the form of a visitor who is not logged in carries; fits the nonce's cookie."""
        return hmac.new(self._secret, nonce.encode(), hashlib.sha256).hexdigest()

    def _drop_ended(self, moment: float) -> None:
        ended = [
            key
            for key, login in self._logins.items()
            if moment - login.since > self._session_s or moment - login.seen > self._idle_s
        ]
        for key in ended:
            del self._logins[key]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
