"""Kills a node again and again while scanners send to it and a PACS takes its reports."""

import hashlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pynetdicom import evt

from tests.black_box import ROOT, BlackBox
from tests.kill.points import POINTS
from tests.kill.scans import Scan
from tests.kill.sender import Sender
from tests.peers import storage_peer

_SENDERS: Final = 2
_ABANDONED: Final = 7  # every seventh series is never sent to its end
_STARTS_WITHIN_S: Final = 60.0
_PATIENCE_S: Final = 5.0
"""A life in which its point is not passed ends so long after its worker is ready."""
_READY: Final = "worker ready"
_RANDOM_SHARE: Final = 0.3
_LONGEST_RANDOM_LIFE_S: Final = 5.0


class Node(BlackBox):
    """A node under test; each life has a plan for its end."""

    def __init__(self, folder: Path, database_url: str, pacs_port: int, **sections: Any) -> None:
        usual: dict[str, Any] = {
            "storage": {"folder": "var", "database_url": database_url},
            "model": {"bundle": str(_bundle(folder))},
            "assembler": {
                "stable_age_s": 0.3, "doubtful_age_s": 0.5, "limit_s": 1.0,
                "look_again_s": 0.2, "poll_s": 0.05,
            },
            "worker": {
                "lease_s": 2, "heartbeat_s": 0.5, "poll_s": 0.05, "max_attempts": 1000,
                "retry_delay_s": 0.1, "retry_delay_max_s": 0.5,
            },
            "delivery": {
                "poll_s": 0.05, "timeout_s": 1, "retry_delay_s": 0.1, "retry_delay_max_s": 0.5,
                "max_attempts": 1000,
            },
            "destinations": [
                {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": pacs_port}
            ],
        }  # fmt: skip
        super().__init__(folder, **(usual | sections))
        self.marks = folder / "marks"
        self.marks.touch()
        self.log.touch()

    def live(self, point: str | None, turn: int) -> subprocess.Popen[bytes]:
        """Begin a life that ends when `point` is passed for the `turn`-th time in one process."""
        plan = json.dumps({"point": point, "pass": turn, "mark": str(self.marks)})
        paths = os.pathsep.join([str(Path(__file__).parent / "site"), str(ROOT)])
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "node.cli", "serve", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "FORAMINA_KILL": plan, "PYTHONPATH": paths},
                start_new_session=True,
            )
        return self._process


@dataclass(slots=True)
class Pacs:
    """A PACS that remembers every object it ever got, and each time it got it."""

    received: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """SHA-256 of every data set by SOPInstanceUID."""
    about: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """SOPInstanceUIDs by the SeriesInstanceUID that the report's evidence names."""

    def answer(self, event: evt.Event) -> int:
        """Keep an object."""
        dataset = event.dataset
        uid = str(dataset.SOPInstanceUID)
        for study in dataset.get("CurrentRequestedProcedureEvidenceSequence", []):
            for series in study.ReferencedSeriesSequence:
                self.about[str(series.SeriesInstanceUID)].add(uid)
        self.received[uid].append(hashlib.sha256(event.encoded_dataset(False)).hexdigest())
        return 0


@dataclass(slots=True)
class Campaign:
    """What a number of kills did, for `tests.kill.books` to balance."""

    node: Node
    pacs: Pacs
    senders: list[Sender]
    kills: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    """How often the node died at each named point."""

    @property
    def acknowledged(self) -> dict[str, list[str]]:
        """Join what all senders were told is safe: every version by SOPInstanceUID, as sent."""
        return {uid: [digest] for one in self.senders for uid, digest in one.acknowledged.items()}

    @property
    def scans(self) -> list[Scan]:
        """List every series that was begun."""
        return [scan for one in self.senders for scan in one.scans]


def run(folder: Path, database_url: str, kills: int, seed: int, **sections: Any) -> Campaign:
    """Kill a node so many times, then let it live until everything has come to its end.

    The node and all its processes are killed at once, by SIGKILL: at a named point, of which each
    comes as often as the others, or at a random moment, its start included.
    """
    rng = random.Random(seed)
    pacs = Pacs()
    with ExitStack() as stack:
        port = stack.enter_context(storage_peer(pacs.answer))
        node = Node(folder, database_url, port, **sections)
        numbers = itertools.count(1)
        lock = threading.Lock()
        senders = [Sender(node.port, _scans(numbers, lock), f"MR{n}") for n in range(_SENDERS)]
        campaign = Campaign(node, pacs, senders)
        for sender in senders:
            sender.start()
        stack.callback(node.kill)
        for point in _points(rng, kills):
            _one_life(campaign, rng, point)
        campaign.reached.update(node.marks.read_text().splitlines())
        node.live(None, 0)
        for sender in senders:
            sender.finish()
        for sender in senders:
            sender.join(300)
            assert not sender.is_alive(), "a sender is not rid of its series"
        settle(node)
        node.stop()
    return campaign


def _points(rng: random.Random, kills: int) -> Iterator[str | None]:
    """Choose how each life ends: all points in turn, shuffled, and random moments between."""
    named: list[str] = []
    for _ in range(kills):
        if rng.random() < _RANDOM_SHARE:
            yield None
            continue
        if not named:
            named = [point.name for point in POINTS]
            rng.shuffle(named)
        yield named.pop()


def _one_life(campaign: Campaign, rng: random.Random, point: str | None) -> None:
    node = campaign.node
    before = node.logged(_READY)
    process = node.live(point, rng.choice((1, 1, 1, 2, 3)))
    if point is None:
        _wait(process, rng.uniform(0, _LONGEST_RANDOM_LIFE_S))
    else:
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < deadline and node.logged(_READY) == before:
            if _wait(process, 0.1):
                break
        _wait(process, _PATIENCE_S)
    node.kill()
    campaign.kills += 1


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a process; whether it came."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def settle(node: Node, timeout_s: float = 600) -> None:
    """Wait until nothing is under way any more."""

    def at_rest() -> bool:
        series, jobs, sent = (
            node.ask(noun, "list", "--limit", "100000") for noun in ("series", "jobs", "deliveries")
        )
        return (
            all(one["state"] in ("accepted", "rejected", "held") for one in series)
            and all(one["state"] in ("succeeded", "failed", "cancelled") for one in jobs)
            and all(one["state"] not in ("queued", "sending") for one in sent)
        )

    node.wait(lambda: at_rest() and not time.sleep(1.0) and at_rest(), "all is at rest", timeout_s)


def _scans(numbers: Iterator[int], lock: threading.Lock) -> Iterator[Scan]:
    while True:
        with lock:
            number = next(numbers)
        yield Scan(number, whole=number % _ABANDONED != 0)


def _bundle(folder: Path) -> Path:
    """Copy a bundle, and let it take the coarse pixels of the test's series."""
    made = folder / "stand-in"
    shutil.copytree(ROOT / "model" / "bundles" / "phantom-1", made)
    path = made / "bundle.json"
    content = json.loads(path.read_text())
    content["name"] = "stand-in"
    content["handles"]["pixel_spacing_mm"] = [0.2, 10.0]
    path.write_text(json.dumps(content))
    return made
