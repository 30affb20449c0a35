"""The demo: a receiving PACS, the node as its users start it, a phantom series, and its report."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import yaml
from rich.console import Console

from node import pacs, picture, scu
from node.config import Config, load
from node.errors import ConfigError, ForaminaError, PeerError
from storage import deliveries, jobs, reports
from storage.database import Database

logger = structlog.get_logger(__name__)

_SEED = 7
_PACS_AE_TITLE = "DEMOPACS"


def run(out: Path, timeout_s: float) -> None:
    """Run the demo into a folder: `markers.png`, the SR, the node's log and its storage.

    Raises:
        ForaminaError: something did not happen in time; the message says what.
    """
    console = Console(soft_wrap=True, highlight=False)
    deadline = time.monotonic() + timeout_s
    _empty(out)
    images = _phantom(out / "series")
    console.print(f"phantom series: {len(images)} images in {out / 'series'}")
    with pacs.receiving(out / "pacs", _PACS_AE_TITLE) as pacs_port:
        config_path = _write_config(out, pacs_port)
        config = load(config_path)
        with _node(config_path, out / "node.log") as process:
            peer = scu.Peer(
                config.node.ae_title, config.node.host, config.node.port, "DEMOSCANNER", 10
            )
            _until(lambda: _answers(peer), process, deadline, "the node answers C-ECHO", out)
            statuses = scu.send_folder(peer, images)
            console.print(f"sent to the node: {sum(map(scu.is_stored, statuses.values()))} stored")
            with console.status("waiting for the report in the PACS"):
                _until(
                    lambda: any((out / "pacs").glob("*.dcm")) and _finished(config),
                    process,
                    deadline,
                    "the report is in the PACS",
                    out,
                )
    report = next((out / "pacs").glob("*.dcm"))
    count = picture.draw(images, report, out / "markers.png")
    console.print(f"the PACS has {report.name} with {count} labelled points")
    _print_history(config, console)
    console.print(f"picture: {out / 'markers.png'}")


def _empty(out: Path) -> None:
    """Make the folder new; only a folder that a demo made is ever removed."""
    marker = out / ".foramina-demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise ForaminaError(
            f"{out} holds files that no demo made; name another folder with --out, or empty it"
        )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    marker.touch()


def _phantom(folder: Path) -> list[Path]:
    from model.phantom import write_case

    write_case(folder, seed=_SEED)
    return sorted((folder / "dicom").glob("*.dcm"))


def _write_config(out: Path, pacs_port: int) -> Path:
    """Take the shipped configuration, with quick timings and the demo's PACS as destination."""
    here = Path("config.yaml")
    shipped = here if here.exists() else Path(__file__).parents[1] / here
    try:
        data = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the demo starts from {shipped}: {error.strerror}") from error
    data["node"] = {**data.get("node", {}), "host": "127.0.0.1", "port": _free_port()}
    data["storage"] = {"folder": "storage"}
    data["assembler"] = {"stable_age_s": 2, "poll_s": 0.5}
    data["web"] = {"enabled": False}
    data["destinations"] = [
        {
            "name": "pacs",
            "ae_title": _PACS_AE_TITLE,
            "host": "127.0.0.1",
            "port": pacs_port,
            "commitment": "off",  # the demo's PACS offers none
        }
    ]
    path = out / "config.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _node(config_path: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `foramina serve` while the block runs; its log goes to a file."""
    command = [sys.executable, "-m", "node.cli", "serve", "--config", str(config_path)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FORAMINA_")}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)  # noqa: S603  # our own interpreter and module
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()


def _until(
    happened: Callable[[], bool],
    process: subprocess.Popen[bytes],
    deadline: float,
    what: str,
    out: Path,
) -> None:
    while not happened():
        if process.poll() is not None:
            raise ForaminaError(f"the node ended before {what}; see {out / 'node.log'}")
        if time.monotonic() > deadline:
            raise ForaminaError(f"the demo waited in vain until {what}; see {out / 'node.log'}")
        time.sleep(0.3)


def _answers(peer: scu.Peer) -> bool:
    try:
        scu.echo(peer)
    except PeerError:
        return False
    return True


def _finished(config: Config) -> bool:
    database = Database(config.storage.url)
    try:
        with database.read() as session:
            rows = deliveries.listing(session, limit=1)
            return bool(rows) and rows[0].finished_at is not None
    finally:
        database.close()


def _print_history(config: Config, console: Console) -> None:
    database = Database(config.storage.url)
    try:
        with database.read() as session:
            for job in jobs.listing(session, limit=1):
                console.print(f"job {job.id}: {job.state}")
                for event in jobs.events(session, job.id):
                    console.print(f"  {event.at:%H:%M:%S}  {event.kind:<10} {event.detail}")
                report = reports.by_job(session, job.id)
                for row in deliveries.by_report(session, report.id) if report else []:
                    console.print(f"  delivery to {row.destination}: {row.state}")
    finally:
        database.close()
