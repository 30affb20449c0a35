"""A private PostgreSQL server for a test session: own folder, own port, only on 127.0.0.1."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

_RUN_AS = ("postgres", "nobody")  # initdb refuses root


def find_binaries() -> Path | None:
    """Find the folder of initdb and pg_ctl: Debian keeps it off the PATH."""
    on_path = shutil.which("initdb")
    if on_path and Path(on_path).resolve().with_name("pg_ctl").exists():
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return found[-1].parent if found else None


def _version(initdb: Path) -> int:
    name = initdb.parents[1].name
    return int(name) if name.isdigit() else 0


class Cluster:
    """A running server; `create` gives an empty database."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="foramina-postgres-"))
        self._password = secrets.token_hex(16)
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._identity = _unprivileged()
            os.chown(self._folder, self._identity["user"], self._identity["group"])
        self._number = 0
        self._start()
        self._admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")

    def url(self, name: str) -> str:
        """Give the URL of a database of this server."""
        return f"postgresql+psycopg://foramina:{self._password}@127.0.0.1:{self._port}/{name}"

    def create(self) -> str:
        """Create an empty database; gives its name."""
        self._number += 1
        name = f"test_{self._number}"
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        return name

    def drop(self, name: str) -> None:
        """Drop a database, also when a test has left a connection open."""
        with self._admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self._admin.dispose()
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._data)
        shutil.rmtree(self._folder, ignore_errors=True)

    def pause(self) -> None:
        """Stop the server at once; `resume` starts it where it was."""
        self._admin.dispose()
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._data)

    def resume(self) -> None:
        """Start the paused server on its port."""
        self._run(
            "pg_ctl", "start", "-w", "-D", self._data, "-o", self._options(),
            "-l", str(self._folder / "log"),
        )  # fmt: skip

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _start(self) -> None:
        secret = self._folder / "password"
        secret.write_text(self._password)
        if self._identity:
            os.chown(secret, self._identity["user"], self._identity["group"])
        secret.chmod(0o600)
        self._run(
            "initdb", "-D", self._data, "-U", "foramina", "-A", "scram-sha-256", "-E", "UTF8",
            "--locale=C", "--no-sync", f"--pwfile={secret}",
        )  # fmt: skip
        for attempt in range(5):
            self._port = _free_port()
            try:
                self.resume()
                return
            except RuntimeError:  # somebody took the port in between
                if attempt == 4:
                    raise

    def _options(self) -> str:
        # fsync off: these tests ask whether the SQL is right, not whether the disk is.
        return (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=60"
        )

    def _run(self, program: str, *arguments: str) -> None:
        result = subprocess.run(
            [str(self._binaries / program), *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server would hold a pipe open
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            check=False,
            **self._identity,
        )
        if result.returncode != 0:
            log = self._folder / "log"
            said = (result.stderr or b"").decode(errors="replace")
            said += log.read_text(errors="replace") if log.exists() else ""
            raise RuntimeError(f"{program} ended with {result.returncode}: {said[-2000:]}")


def _unprivileged() -> dict[str, Any]:
    for name in _RUN_AS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError(f"expected a user among {', '.join(_RUN_AS)}: initdb refuses to run as root")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
