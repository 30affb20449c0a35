"""Backed up while it receives, lost, restored: by the commands of the guide, word for word."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import create_engine, make_url, text

from tests import factories, postgres
from tests.black_box import ROOT, BlackBox
from tests.peers import program

pytestmark = [
    pytest.mark.usefixtures("restored_logging"),
    pytest.mark.timeout(600),
]

GUIDE = ROOT / "docs" / "how-to" / "back-up-and-restore.md"
IN_THE_GUIDE = "postgresql://foramina@127.0.0.1/foramina"
AXIAL = ["1", "0", "0", "0", "1", "0"]


def commands(name: str) -> str:
    """Give the block of the guide below a mark."""
    found = re.search(
        rf"^( *)<!-- tested: {name} -->\n\1```sh\n(.*?)^\1```$",
        GUIDE.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert found, name
    return found[2]


@dataclass
class Kind:
    """A kind of database, and where one of it is."""

    name: str
    storage: dict[str, Any] = field(default_factory=lambda: {"folder": "var"})
    url: str = IN_THE_GUIDE

    def run(self, step: str, folder: Path) -> str:
        """Type a step of the guide."""
        typed = commands(f"{self.name}-{step}").replace(IN_THE_GUIDE, self.url)
        done = subprocess.run(
            ["sh", "-euc", typed], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def sqlite() -> Kind:
    program("sqlite3", "sqlite3")
    return Kind("sqlite")


@pytest.fixture
def postgresql(postgres_cluster: postgres.Cluster) -> Iterator[Kind]:
    program("pg_dump", "postgresql-client")
    name = postgres_cluster.create()
    url = postgres_cluster.url(name)
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    yield Kind("postgresql", {"folder": "var", "database_url": url}, plain)
    postgres_cluster.drop(name)


def send_series(box: BlackBox, folder: Path, number: int) -> str:
    """Send a series that the rules reject; gives its UID."""
    uid = generate_uid()
    folder.mkdir()
    for instance in (1, 2, 3):
        attributes = {
            "SeriesInstanceUID": uid,
            "StudyInstanceUID": generate_uid(entropy_srcs=[str(number)]),
            "SOPInstanceUID": generate_uid(),
            "ImageOrientationPatient": AXIAL,
        }
        (folder / f"{instance}.dcm").write_bytes(factories.make_part10(instance, **attributes))
    box.send(folder)
    return str(uid)


def states(box: BlackBox) -> dict[str, str]:
    rows = box.ask("series", "list", "--limit", "1000")
    return {row["series_instance_uid"]: row["state"] for row in rows}


def files(folder: Path) -> dict[str, bytes]:
    """Read every received file below a storage folder."""
    found = sorted((folder / "instances").rglob("*.dcm"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_acknowledged_before_a_back_up_is_there_after_it(
    database: str,
    request: pytest.FixtureRequest,
    black_box: Callable[..., BlackBox],
    tmp_path: Path,
) -> None:
    program("storescu", "dcmtk")
    kind: Kind = request.getfixturevalue(database)
    box = black_box(storage=kind.storage, worker={"processes": 0})
    before = [send_series(box, tmp_path / f"before-{number}", number) for number in range(6)]
    kind.run("backup", box.folder)  # the last of them are not even filed yet
    if database == "sqlite":
        assert kind.run("look", box.folder) == "ok\n"
    after = send_series(box, tmp_path / "after", 99)
    box.wait(lambda: set(states(box).values()) == {"rejected"}, "all is judged")
    received = files(box.folder / "var")

    box.stop()
    if database == "postgresql":
        _empty(kind.url)
    _restore(kind, box.folder)
    box.start()

    box.wait(lambda: len(states(box)) >= 6, "what was in the journal is filed")
    assert set(before) <= set(states(box))
    restored = files(box.folder / "var")
    assert {path for path in received if after not in path} <= set(restored)
    assert restored == {path: received[path] for path in restored}

    box.send(tmp_path / "after")  # what came since is sent again
    box.wait(lambda: states(box).get(after) == "rejected", "it is known again")


def _empty(url: str) -> None:
    """Lose a database: all its tables go."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def _restore(kind: Kind, folder: Path) -> None:
    """Type the steps of the guide: files, and with PostgreSQL the rows."""
    Kind("sqlite").run("restore", folder)
    if kind.name == "postgresql":
        kind.run("restore", folder)
