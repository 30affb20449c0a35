"""The rule tester: dropped files or a stored series, and what cannot be judged."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from node.web.site import Site
from tests import factories, web_pages


def drop(client: TestClient, *files: bytes, **fields: str) -> str:
    """Drop files on the page; give what it says."""
    form = {"filter_set": "default", "series_instance_uid": "", **fields}
    form["form_token"] = web_pages.token_of(client.get("/rules").text)
    named = [("files", (f"<{number}>.dcm", data)) for number, data in enumerate(files)]
    return client.post("/rules", data=form, files=named or [("files", ("", b""))]).text


def test_dropped_files_are_judged_by_every_rule(client: TestClient) -> None:
    text = drop(client, *(factories.make_part10(number, SliceThickness="9") for number in (1, 2)))
    assert "Rejected" in text
    assert "SliceThickness is 9 in 2 of 2 instances" in text
    assert text.count('<span class="badge pass">') == 1
    assert text.count('<span class="badge fail">') == 1
    assert "Accepted" in drop(client, factories.make_part10(1))


def test_a_stored_series_is_judged(client: TestClient, site: Site, tmp_path: Path) -> None:
    web_pages.store_series(site.database, tmp_path / "storage")
    assert "Accepted" in drop(client, series_instance_uid=factories.SERIES_UID)
    assert (
        factories.SERIES_UID
        in client.get(f"/rules?series_instance_uid={factories.SERIES_UID}").text
    )


@pytest.mark.parametrize(
    ("files", "fields", "words"),
    [
        ((b"no dicom",), {}, "File 1 of 1 (&lt;0&gt;.dcm) is no DICOM file"),
        ((), {}, "Choose DICOM files"),
        ((), {"series_instance_uid": "1.2.9"}, "No instance of such a series"),
        ((), {"filter_set": "<none>"}, "no filter set of that name"),
    ],
)
def test_what_cannot_be_judged_says_why(
    client: TestClient, files: tuple[bytes, ...], fields: dict[str, str], words: str
) -> None:
    assert words in drop(client, *files, **fields)


def test_files_of_two_series_are_not_mixed(client: TestClient) -> None:
    other = factories.make_part10(2, SeriesInstanceUID="1.2.3.4")
    assert "belong to 2 series" in drop(client, factories.make_part10(1), other)


def test_sequences_nested_without_end_are_a_sentence(client: TestClient) -> None:
    opened = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    header, pixels, rest = factories.make_part10(1).partition(b"\xe0\x7f\x10\x00")
    assert "no DICOM file" in drop(client, header + opened * 3000 + pixels + rest)
