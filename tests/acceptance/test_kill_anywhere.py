"""The node, killed anywhere: what it acknowledged is kept, what it owes is sent, once.

SIGKILL to all its processes at once, at every named step and at random moments. It leaves the page
cache alone, so it says nothing about what a power cut leaves: `test_durability` does.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.kill import books, campaign
from tests.kill.points import POINTS

SEED = int(os.environ.get("FORAMINA_KILL_SEED", "1"))

pytestmark = [
    pytest.mark.timeout(1800),
    # The sockets of senders whose peer was killed are left to the garbage collector by pynetdicom.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture
def postgresql_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """Give an empty database of a server that lives on when the node dies."""
    name = postgres_cluster.create()
    yield postgres_cluster.url(name)
    postgres_cluster.drop(name)


def kill(
    folder: Path, database_url: str, kills: int, seed: int
) -> tuple[campaign.Campaign, list[str]]:
    """Kill a node, and list what is wrong in its books; the seed is printed, for repeating it."""
    done = campaign.run(folder, database_url, kills, seed)
    url = database_url or f"sqlite:///{folder / 'var' / 'foramina.sqlite'}"
    wrong = books.balance(done, url, folder / "var")
    whole = sum(scan.whole for scan in done.scans)
    print(
        f"seed {seed}: {done.kills} kills, {sum(done.reached.values())} of them at "
        f"{len(done.reached)} of {len(POINTS)} named points; {len(done.acknowledged)} instances "
        f"acknowledged, {len(done.scans)} series sent, {whole} of them whole; {len(wrong)} faults"
    )
    return done, wrong


@pytest.mark.xdist_group("kill-sqlite")
def test_forty_kills_on_sqlite(tmp_path: Path) -> None:
    done, wrong = kill(tmp_path, "", 40, SEED)
    assert wrong == []
    assert done.kills == 40
    assert done.reached
    assert done.acknowledged


@pytest.mark.xdist_group("kill-postgresql")
def test_ten_kills_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    done, wrong = kill(tmp_path, postgresql_url, 10, SEED + 1)
    assert wrong == []
    assert done.kills == 10
    assert done.reached
    assert done.acknowledged


@pytest.mark.slow
@pytest.mark.parametrize("share", range(10))
def test_eight_hundred_kills_on_sqlite(tmp_path: Path, share: int) -> None:
    done, wrong = kill(tmp_path, "", 80, SEED + 100 + share)
    assert wrong == []
    assert done.kills == 80
    assert done.acknowledged


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
def test_two_hundred_kills_on_postgresql(tmp_path: Path, postgresql_url: str, share: int) -> None:
    done, wrong = kill(tmp_path, postgresql_url, 50, SEED + 200 + share)
    assert wrong == []
    assert done.kills == 50
    assert done.acknowledged


@pytest.mark.slow
def test_every_named_point_is_reached(tmp_path: Path) -> None:
    done, wrong = kill(tmp_path, "", 3 * len(POINTS), SEED + 300)
    assert wrong == []
    assert {point.name for point in POINTS} == set(done.reached)
