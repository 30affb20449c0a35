"""Is the node well? Asked by container engines and by people."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from node import scu
from node.config import Config
from node.errors import PeerError
from node.settings import PeerTls, Tls
from node.watermark import Room
from storage.database import Database, SchemaError

_ECHO_TIMEOUT_S = 5.0
_BUSY_TIMEOUT_S = 5.0


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
        tls=_to_itself(config.tls),
    )
    try:
        scu.echo(peer)
    except PeerError as error:
        return Check("dicom", False, str(error))
    return Check("dicom", True, f"{config.node.ae_title} answers C-ECHO on port {config.node.port}")


def _to_itself(own: Tls) -> PeerTls | None:
    """Trust the node's own certificate, whatever name it is for: the address is local."""
    if not own.enabled:
        return None
    names = ("certificate_file", "key_file", "key_password", "key_password_file", "profile")
    shown = {name: getattr(own, name) for name in names}
    return PeerTls(**shown, ca_file=own.certificate_file, check_hostname=False)


def _database(config: Config) -> Check:
    database = Database(config.storage.url, busy_timeout_s=_BUSY_TIMEOUT_S)
    try:
        database.check()  # SQLite would make a file that is not there, and it may not be ours
        with database.read() as session:
            queued = session.execute(text("SELECT count(*) FROM jobs WHERE state = 'queued'"))
            return Check("database", True, f"{queued.scalar_one()} jobs wait")
    except SchemaError as error:
        return Check("database", False, str(error))
    except SQLAlchemyError as error:
        return Check("database", False, f"{type(error).__name__}: is the node's database reachable")
    finally:
        database.close()


def _disk(config: Config) -> Check:
    try:
        room = Room.of(config.storage)
    except OSError as error:
        return Check("disk", False, f"storage.folder: {error.strerror}")
    detail = f"{room.free_bytes / 2**30:.1f} GiB free"
    if room.is_low:
        detail += f", less than {room.limit_bytes / 2**30:.1f} GiB: instances are refused (0xA700)"
    return Check("disk", not room.is_low, detail)
