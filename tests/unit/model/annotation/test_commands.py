"""Annotations as a data scientist uses them: import, then compare, from files and folders."""

import json
from pathlib import Path

import pytest

from model.annotation import Annotation, Mark, read, write
from model.annotation.commands import compare, import_reports, markdown, read_labels
from tests.foreign_reports import document, group, measurements, scoord, tracking


@pytest.fixture
def images(tmp_path: Path, make_stack) -> Path:
    folder = tmp_path / "case" / "dicom"
    folder.mkdir(parents=True)
    for number, dataset in enumerate(make_stack(5, size=(60, 40), SeriesInstanceUID="1.2.3.50")):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture
def report(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    content = measurements(group(*tracking("L4 left"), scoord((10.5, 20.5), "1.2.3.4")))
    return document(folder / "sr.dcm", content, evidence=[("1.2.3.50", ["1.2.3.4"])])


def marked(path: Path, **points: tuple[float, float, float]) -> Path:
    marks = {
        label.replace("_", "-"): (Mark(point_mm=point, annotator=path.stem),)
        for label, point in points.items()
    }
    write(Annotation(series_instance_uid="1.2.3.50", marks=marks), path)
    return path


def test_reports_become_files_named_by_their_uid(tmp_path, report, images) -> None:
    (report.parent / "note.txt").write_text("not a report")
    (report.parent / "mr.dcm").write_bytes((images / "0.dcm").read_bytes())
    told: list[tuple[str, int, int]] = []
    done = import_reports(
        [report.parent], tmp_path / "out", images=images, report=lambda *step: told.append(step)
    )
    assert done.failures == ()
    assert done.wording == {("L4 left", "L4-left"): 1}
    assert done.written == (tmp_path / "out" / "1.2.3.70.json",)
    (mark,) = read(done.written[0]).marks["L4-left"]
    assert mark.point_mm == (4.0, -42.5, 60.0)
    assert mark.sop_instance_uid == "1.2.3.4"
    assert told[-1] == ("reading reports", 1, 1)


def test_a_report_that_fails_leaves_the_others(tmp_path, report, images) -> None:
    broken = document(report.parent / "a.dcm", [])
    done = import_reports([broken, report], tmp_path / "out", images=images)
    assert len(done.written) == 1
    assert len(done.failures) == 1
    assert "a.dcm: it holds no points" in done.failures[0]


def test_a_folder_without_reports_is_told(tmp_path, images) -> None:
    with pytest.raises(ValueError, match="no DICOM SR is there"):
        import_reports([images], tmp_path / "out")


def test_a_file_of_labels_is_checked(tmp_path) -> None:
    path = tmp_path / "labels.json"
    path.write_text('{"Foramen  A": "L4-left", "Other": null}')
    assert read_labels(path) == {"foramen a": "L4-left", "other": None}
    path.write_text('{"Foramen A": "L4"}')
    with pytest.raises(ValueError, match=r"labels\.json: 'Foramen A' means 'L4'; expected null or"):
        read_labels(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"labels\.json: expected"):
        read_labels(path)


def test_slices_are_found_by_the_images_and_the_report_is_saved(tmp_path, images) -> None:
    a = marked(tmp_path / "a" / "anna.json", L4_left=(4.0, -42.5, 60.0))
    b = marked(tmp_path / "b" / "bert.json", L4_left=(3.0, -42.5, 57.0), L5_left=(4.0, -40.0, 50.0))
    result = compare(a.parent, b.parent, images=images, out=tmp_path / "out")
    assert result["series"] == ["1.2.3.50"]
    assert result["groups"]["all"]["foramina"] == 2
    assert result["groups"]["all"]["only_b"] == 1
    assert result["groups"]["L4"]["same_slice"] == 1
    assert result["groups"]["L4"]["mean_yz_mm"] == 3.0
    assert json.loads((tmp_path / "out" / "agreement.json").read_text())["a"] == "a"
    table = (tmp_path / "out" / "agreement.md").read_text()
    assert table == markdown(result)
    assert "| L4 | 1 | 0 | 0 | 100.0% [20.7%, 100.0%] |" in table


def test_a_case_is_compared_with_an_annotation(tmp_path, images) -> None:
    truth = {"kind": "points", "points": {"L4-left": [4.0, -42.5, 60.0]}}
    (images.parent / "truth.json").write_text(json.dumps(truth))
    b = marked(tmp_path / "b" / "bert.json", L4_left=(3.0, -42.5, 60.0))
    for a in (images.parent, images.parent / "truth.json"):
        assert compare(a, b, images=images)["groups"]["all"]["same_slice"] == 1


def test_marks_without_slices_or_images_are_told(tmp_path) -> None:
    a = marked(tmp_path / "a.json", L4_left=(4.0, -42.5, 60.0))
    with pytest.raises(ValueError, match=r"does not name its slice; .*give the folder"):
        compare(a, a)


def test_what_has_nothing_in_common_is_told(tmp_path) -> None:
    a = marked(tmp_path / "a.json", L4_left=(4.0, -42.5, 60.0))
    b = tmp_path / "b.json"
    mark = (Mark(point_mm=(1, 2, 3)),)
    write(Annotation(series_instance_uid="1.2.3.51", marks={"L4-left": mark}), b)
    with pytest.raises(ValueError, match="no series in common"):
        compare(a, b)


def test_two_files_of_one_series_on_one_side_are_told(tmp_path) -> None:
    marked(tmp_path / "a" / "1.json", L4_left=(4.0, -42.5, 60.0))
    marked(tmp_path / "a" / "2.json", L4_left=(4.0, -42.5, 60.0))
    with pytest.raises(ValueError, match=r"2\.json: annotates the same series as .*1\.json"):
        compare(tmp_path / "a", tmp_path / "a")


def test_missing_and_other_files_are_told(tmp_path) -> None:
    a = marked(tmp_path / "a.json", L4_left=(4.0, -42.5, 60.0))
    other = tmp_path / "other.json"
    other.write_text('{"some": "settings"}')
    with pytest.raises(ValueError, match=r"nowhere: no such file"):
        compare(a, tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"other\.json: is no annotation"):
        compare(a, other)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no annotation"):
        compare(a, tmp_path / "empty")
