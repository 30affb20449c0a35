"""A receiving process stays small, and agrees with the process that files what it receives."""

import subprocess
import sys
from pathlib import Path

from node import commitment, filer
from node.receiver import process

ROOT = Path(__file__).parents[4]


def test_it_loads_no_pixels_and_no_database() -> None:
    code = (
        "from node.receiver.lean import leave_out_pixels; leave_out_pixels();"
        "import node.receiver.process, sys;"
        "heavy = ('numpy', 'PIL', 'sqlalchemy', 'node.app', 'requests');"
        "science = {name for name in sys.modules if name.startswith('model.')};"
        "print([n for n in heavy if sys.modules.get(n)] + sorted(science - {'model.defaults'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_it_writes_where_the_filer_reads() -> None:
    assert process.JOURNAL == filer.JOURNAL


def test_it_serves_storage_commitment_as_the_module_of_that_name_does() -> None:
    bound = {event for event, _ in process._commitment("sqlite:///none.sqlite")}
    assert bound == {event for event, _ in commitment.handlers(lambda: None)}
