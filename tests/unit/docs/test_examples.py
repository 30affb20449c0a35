"""What the tutorial and the guides tell people to type: commands exist, settings are taken."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.config import Config
from node.settings import Rule
from tests import cli_reference

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("tutorial/*.md")), *sorted(DOCS.glob("how-to/*.md"))]
COMMANDS = dict(cli_reference.commands())
FIRST_HOUR = DOCS / "tutorial" / "first-hour"


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Give every fenced block: its language and its text without the indentation."""
    pattern = r"^( *)```(\w*)\n(.*?)^\1```$"
    for indent, language, text in re.findall(pattern, page.read_text(), re.MULTILINE | re.DOTALL):
        yield language, "\n".join(line.removeprefix(indent) for line in text.splitlines())


def typed(page: Path) -> Iterator[list[str]]:
    """Give the words of every line that calls `foramina`."""
    for language, block in blocks(page):
        if language not in ("sh", ""):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"\S*foramina ", line):
                yield shlex.split(line, comments=True)[1:]


def command_of(words: list[str]) -> str | None:
    """Find the longest command that the words begin with."""
    names = (" ".join(["foramina", *words[:count]]) for count in (3, 2, 1))
    return next((name for name in names if name in COMMANDS), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_option_exists(page: Path) -> None:
    unknown = []
    for words in typed(page):
        command = command_of(words)
        if command is None:
            unknown.append(" ".join(words))
            continue
        parameters = COMMANDS[command].params
        options = {opt for each in parameters for opt in (*each.opts, *each.secondary_opts)}
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        unknown += [f"{command} {option}" for option in given - options - {"--help"}]
    assert unknown == []


def test_commands_are_found_at_all() -> None:
    first_hour = [" ".join(words[:2]) for words in typed(DOCS / "tutorial" / "first-hour.md")]
    assert "config check" in first_hour
    assert "deliveries list" in first_hour


def sections(page: Path) -> Iterator[dict[str, Any]]:
    """Give every piece of a config.yaml."""
    for language, block in blocks(page):
        if language == "yaml":
            data = yaml.safe_load(block)
            assert set(data) <= set(Config.model_fields), block
            yield data


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_piece_of_configuration_is_taken(page: Path) -> None:
    rule = Rule(attribute="Modality", operator="equals", value="MR")
    for data in sections(page):
        assert Config(**{"filter_sets": {"default": (rule,)}, **data})


def test_pieces_of_configuration_are_found_at_all() -> None:
    found = [set(data) for data in sections(DOCS / "tutorial" / "first-hour.md")]
    assert found == [{"destinations"}, {"web"}, {"assembler"}]


def test_the_viewer_of_the_first_hour_is_the_one_that_is_fetched() -> None:
    fetched = re.search(r"^version=(\S+)$", (ROOT / "tools" / "viewer.sh").read_text(), re.M)
    assert fetched
    assert f"/.cache/ohif-{fetched[1]};" in (FIRST_HOUR / "viewer.conf").read_text()
