"""docs/reference/cli.md has every command, option and exit status."""

import re

from node.cli.acts import REFUSED
from node.cli.output import NOT_FOUND
from tests import cli_reference


def test_the_page_has_every_command_and_option() -> None:
    there = cli_reference.PAGE.read_text(encoding="utf-8")
    assert there == cli_reference.page(), "run `python -m tests.cli_reference`"
    assert "### `foramina jobs retry`" in there
    assert there.count("\n### ") > 40


def test_the_page_has_every_exit_status() -> None:
    rows = re.findall(r"^\| (\d) \|", cli_reference.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(row) for row in rows] == [0, REFUSED, 2, NOT_FOUND]
