"""Is the node well? Asked by container engines and by people."""

import shutil
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from node import scu
from node.config import Config
from node.errors import PeerError
from storage.database import Database

_ECHO_TIMEOUT_S = 5.0
_LOW_DISK_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer."""

    name: str
    ok: bool
    detail: str


def checks(config: Config) -> list[Check]:
    """Ask the port, the database and the disk."""
    return [_dicom(config), _database(config), _disk(config)]


def _dicom(config: Config) -> Check:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.node.host, config.node.host)  # noqa: S104  # compared, not bound
    peer = scu.Peer(
        ae_title=config.node.ae_title,
        host=host,
        port=config.node.port,
        calling_ae_title=config.node.ae_title,
        timeout_s=_ECHO_TIMEOUT_S,
    )
    try:
        scu.echo(peer)
    except PeerError as error:
        return Check("dicom", False, str(error))
    return Check("dicom", True, f"{config.node.ae_title} answers C-ECHO on port {config.node.port}")


def _database(config: Config) -> Check:
    database = Database(config.storage.url)
    try:
        with database.read() as session:
            queued = session.execute(text("SELECT count(*) FROM jobs WHERE state = 'queued'"))
            return Check("database", True, f"{queued.scalar_one()} jobs wait")
    except SQLAlchemyError as error:
        return Check("database", False, f"{type(error).__name__}: is the node's database reachable")
    finally:
        database.close()


def _disk(config: Config) -> Check:
    try:
        free = shutil.disk_usage(config.storage.folder).free
    except OSError as error:
        return Check("disk", False, f"storage.folder: {error.strerror}")
    return Check("disk", free > _LOW_DISK_BYTES, f"{free / 2**30:.1f} GiB free")
