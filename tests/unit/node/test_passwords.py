"""Who may log in: lines that are made, files that are written and read."""

import stat
from pathlib import Path

import pytest

from node import passwords
from node.errors import ConfigError, ForaminaError
from node.settings import Web
from tests.web_pages import HASH, PASSWORD


def test_a_line_lets_its_person_in_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    passwords.write(path, passwords.line("ann", PASSWORD))
    passwords.write(path, f"bob:{HASH}")
    known = passwords.hashes(Web(password_file=path))
    assert set(known) == {"ann", "bob"}
    assert PASSWORD not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert passwords.verified(known, "ann", PASSWORD)
    assert not passwords.verified(known, "ann", "other words")
    assert not passwords.verified(known, "cy", PASSWORD)


def test_a_new_password_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_text(f"# who may\nann:{HASH}\nbob:{HASH}\n")
    passwords.write(path, "ann:$argon2id$new")
    assert path.read_text() == f"# who may\nbob:{HASH}\nann:$argon2id$new\n"


def test_a_hash_without_a_name_is_the_admins_and_the_file_wins(tmp_path: Path) -> None:
    assert passwords.hashes(Web(password_hash=HASH)) == {"admin": HASH}
    path = tmp_path / "passwords"
    path.write_text("\nadmin:$argon2id$file\n")
    both = Web(password_hash=f"ann:{HASH}", password_file=path)
    assert passwords.hashes(both) == {"ann": HASH, "admin": "$argon2id$file"}
    assert passwords.hashes(Web()) == {}


@pytest.mark.parametrize("name", ["", "a b", "a:b", "x" * 65, "ann\n"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ForaminaError, match="name"):
        passwords.line(name, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_passwords_have_a_length(password: str) -> None:
    with pytest.raises(ForaminaError, match="10 to 1024"):
        passwords.line("ann", password)


@pytest.mark.parametrize("text", ["ann:in-the-clear", "just words", ":$argon2id$x"])
def test_a_line_that_is_none_is_named_but_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "passwords"
    path.write_text(f"\n{text}\n")
    with pytest.raises(ConfigError, match="line 2") as error:
        passwords.hashes(Web(password_file=path))
    assert text not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        passwords.hashes(Web(password_file=tmp_path / "none"))
    with pytest.raises(ForaminaError, match="cannot be written"):
        passwords.write(tmp_path / "none" / "file", f"ann:{HASH}")


def test_a_damaged_hash_lets_nobody_in() -> None:
    assert not passwords.verified({"ann": "$argon2id$damaged"}, "ann", PASSWORD)
