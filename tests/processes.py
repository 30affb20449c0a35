"""What the processes of the storage tests do; importable by a process started anew."""

import os
from pathlib import Path

from storage import deliveries, jobs
from storage.database import Database
from storage.instances import InstanceStore


def migrate(url: str) -> int:
    """Migrate one database; gives this process' id."""
    database = Database(url)
    database.migrate()
    database.close()
    return os.getpid()


def claim_jobs(url: str, worker: str) -> list[tuple[int, int]]:
    """Claim until the queue is empty; gives (job id, fencing token) of each claim."""
    database = Database(url)
    claimed = []
    while True:
        with database.begin() as session:
            job = jobs.claim(session, worker, 60)
            if job is None:
                break
            claimed.append((job.id, job.fencing_token))
        with database.begin() as session:
            jobs.succeed(session, *claimed[-1], {})
    database.close()
    return claimed


def claim_deliveries(url: str, destination: str) -> list[int]:
    """Claim until the destination's queue is empty; gives the ids."""
    database = Database(url)
    claimed = []
    while True:
        with database.begin() as session:
            delivery = deliveries.claim(session, destination, 60)
            if delivery is None:
                break
            claimed.append(delivery.id)
    database.close()
    return claimed


def store_all(url: str, folder: str, first: int, last: int) -> list[str]:
    """Store instances of one series; gives the outcomes."""
    from tests.factories import make_incoming  # numpy and pydicom: slow to start with

    database = Database(url)
    store = InstanceStore(database, Path(folder))
    outcomes = [str(store.store(make_incoming(number))) for number in range(first, last + 1)]
    database.close()
    return outcomes


def store_and_acknowledge(url: str, folder: str) -> None:
    """Store instances for ever, and write the number of each to stdout once it is kept."""
    from tests.factories import make_incoming

    store = InstanceStore(Database(url), Path(folder))
    number = 0
    while True:
        number += 1
        store.store(make_incoming(number))
        os.write(1, f"{number}\n".encode())
