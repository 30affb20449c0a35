"""docs/reference/settings.md has every setting, its default, what it takes and what it means."""

from tests import settings_reference


def test_the_page_is_as_the_classes_of_the_configuration_say() -> None:
    there = settings_reference.PAGE.read_text(encoding="utf-8")
    assert there == settings_reference.page(), "run `python -m tests.settings_reference`"


def test_every_setting_says_what_it_means() -> None:
    found = dict(settings_reference.settings())
    assert [place for place, meaning in found.items() if not meaning] == []
    assert {"node.port", "destinations[].query.tls.ca_file", "audit.syslog.host"} <= set(found)


def test_bounds_and_choices_are_written_in_words() -> None:
    lines = settings_reference.written().splitlines()
    (port,) = [line for line in lines if line.startswith("| `port` | `11112`")]
    assert "whole number, at least 0, at most 65535" in port
    (path,) = [line for line in lines if line.startswith("| `path` |")]
    assert "`fast`, `stock`" in path
