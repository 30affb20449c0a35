"""Who may log in on the web page: names with Argon2 hashes, from a file or the environment."""

import os
import re
import threading
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from node.errors import ConfigError, ForaminaError
from node.settings import Web

ADMIN: Final = "admin"
"""Whose a hash without a name is."""
SHORTEST: Final = 10
LONGEST: Final = 1024
_NAME: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_HASHER: Final = PasswordHasher()
_STAND_IN: Final = _HASHER.hash(os.urandom(16).hex())
_AT_ONCE: Final = threading.BoundedSemaphore(2)  # one hash takes 64 MiB and a tenth of a second


def line(name: str, password: str) -> str:
    """Make the line of a person: `name:hash`.

    Raises:
        ForaminaError: the name or the password cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise ForaminaError(
            f"name {name[:64]!r}: expected 1 to 64 letters, digits, or any of . _ @ -"
        )
    if not SHORTEST <= len(password) <= LONGEST:
        raise ForaminaError(
            f"a password of {len(password)} characters: expected {SHORTEST} to {LONGEST}"
        )
    return f"{name}:{_HASHER.hash(password)}"


def write(path: Path, new: str) -> None:
    """Put a line into a password file, in place of that of the same name, readable by us only.

    Raises:
        ForaminaError: the file cannot be read or written.
    """
    name = new.partition(":")[0]
    draft = path.with_name(f"{path.name}.new")
    try:
        kept = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [each for each in kept if each.partition(":")[0] != name]
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n".join([*kept, new]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ForaminaError(
            f"password file {path} cannot be written ({error}); name another"
        ) from error


def hashes(settings: Web) -> dict[str, str]:
    """Read the hashes of those who may log in, by name; a person in both places is the file's.

    Raises:
        ConfigError: the file cannot be read, or a line is no `name:hash`.
    """
    found: dict[str, str] = {}
    single = settings.password_hash.get_secret_value().strip()
    if single:
        found |= _parsed(single if ":" in single else f"{ADMIN}:{single}", "web.password_hash")
    if settings.password_file is not None:
        try:
            text = settings.password_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"web.password_file {settings.password_file} cannot be read ({error}); make it "
                "with `foramina web password --file FILE`"
            ) from error
        for number, each in enumerate(text.splitlines(), 1):
            if each.strip() and not each.startswith("#"):
                found |= _parsed(each.strip(), f"web.password_file, line {number}")
    return found


def verified(known: dict[str, str], name: str, password: str) -> bool:
    """Tell whether the password is that of the person; takes as long for a name nobody has."""
    if len(password) > LONGEST:
        return False
    with _AT_ONCE:
        try:
            return _HASHER.verify(known.get(name, _STAND_IN), password) and name in known
        except (Argon2Error, InvalidHashError):
            return False


def _parsed(text: str, where: str) -> dict[str, str]:
    name, _, encoded = text.partition(":")
    if not _NAME.fullmatch(name) or not encoded.startswith("$argon2"):
        # What was received is not shown: it may be a password in the clear.
        raise ConfigError(f"{where}: expected name:hash as `foramina web password` prints it")
    return {name: encoded}
