"""An instance without a usable InstanceNumber is kept like any other, and as quickly."""

import time
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import Instance
from tests.factories import incoming, make_part10


@pytest.mark.parametrize("number", [None, 2**31, -(2**31) - 1])
def test_no_instance_number_costs_no_time(
    sqlite_database: Database, tmp_path: Path, number: int | None
) -> None:
    one = incoming(make_part10(), instance_number=number)
    start = time.process_time()
    InstanceStore(sqlite_database, tmp_path).store(one)
    assert time.process_time() - start < 5  # `None in range(2**32)` counts to its end: minutes
    with sqlite_database.read() as session:
        assert session.scalars(select(Instance.instance_number)).all() == [None]
