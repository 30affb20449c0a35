"""Authorities and certificates for tests, made by the commands that the guide gives."""

import re
import subprocess
from pathlib import Path
from typing import Final

GUIDE: Final = Path(__file__).parents[1] / "docs" / "how-to" / "secure-the-node.md"
_HOST: Final = "foramina.hospital.example"
_ADDRESS: Final = "10.20.0.9"


def command(name: str, **changes: str) -> str:
    """Give the tested commands of this name, for this host; `changes` replace text."""
    found = re.search(
        rf"<!-- tested: {name} -->\n```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL
    )
    if found is None:
        raise LookupError(f"{GUIDE.name} has no commands that are marked 'tested: {name}'")
    script = found[1]
    for old, new in {_HOST: "localhost", _ADDRESS: "127.0.0.1", **changes}.items():
        script = script.replace(old, new)
    return script


def run(folder: Path, script: str) -> str:
    """Run commands in a folder, and give all that they print.

    Raises:
        RuntimeError: one failed.
    """
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{script}\nfailed: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Authority:
    """An authority with a folder of its own, and the certificates that it issued."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        run(folder, command("authority"))

    def issue(self, name: str, *, host: str = "localhost", days: int = 825) -> tuple[Path, Path]:
        """Issue a certificate for server and client use; its key file and certificate file.

        Args:
            name: of the files.
            host: for whom, beside 127.0.0.1 where that is this host.
            days: how long it is valid; negative: it has expired.
        """
        changes = {"node.": f"{name}.", "-days 825": f"-days {days}"}
        if host != "localhost":
            changes |= {"DNS:localhost, IP:127.0.0.1": f"DNS:{host}", "CN=localhost": f"CN={host}"}
        for step in ("request", "sign"):
            run(self.folder, command(step, **changes))
        return self.folder / f"{name}.key", self.folder / f"{name}.pem"
