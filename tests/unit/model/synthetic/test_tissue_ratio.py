import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imsave

from model.synthetic import tissue_ratio
from model.synthetic.labelmap import LabelMap
from model.synthetic.tissue import Tissue

MARROW, DISC, FAT = (slice(0, 10), slice(0, 10)), (slice(10, 20), slice(0, 10)), (5, slice(12, 18))


@pytest.fixture
def scan() -> tuple[np.ndarray, np.ndarray]:
    """One slice with blocks of marrow (200) and disc (100) and a thin line of fat (400)."""
    pixels, labels = np.zeros((1, 20, 20), np.float32), np.zeros((1, 20, 20), np.uint8)
    for place, tissue, value in (
        (MARROW, Tissue.MARROW, 200),
        (DISC, Tissue.NUCLEUS, 100),
        (FAT, Tissue.FORAMINAL_FAT, 400),
    ):
        pixels[0][place], labels[0][place] = value, tissue
    return pixels, labels


def test_ratios_are_to_marrow(scan: tuple[np.ndarray, np.ndarray]) -> None:
    assert tissue_ratio.of_labels("a", *scan).ratios == {"disc": 0.5}  # fat: 6 pixels are too few


def test_thin_tissues_count_with_all_their_pixels(scan: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = (np.repeat(one, 3, axis=0) for one in scan)
    assert tissue_ratio.of_labels("a", pixels, labels).ratios["fat"] == 2.0


def test_borders_do_not_count(scan: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = scan
    pixels[0, 10] = 900.0  # partial volume at the edge of the disc
    assert tissue_ratio.of_labels("a", pixels, labels).ratios["disc"] == 0.5


def test_a_scan_without_marrow_is_refused(scan: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = scan
    labels[labels == Tissue.MARROW] = Tissue.AIR
    with pytest.raises(ValueError, match="no marrow"):
        tissue_ratio.of_labels("a", pixels, labels)
    with pytest.raises(ValueError, match="labels are"):
        tissue_ratio.of_labels("a", pixels, labels[:, :5])


def test_labels_are_looked_up_at_pixel_centres() -> None:
    labels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    label_map = LabelMap(labels, np.diag([2.0, 1.0, 1.0, 1.0]))
    finer = np.diag([2.0, 0.5, 0.5, 1.0])
    found = tissue_ratio.labels_on(label_map, finer, (2, 6, 8))
    assert np.array_equal(found[:, ::2, ::2], labels)
    beyond = tissue_ratio.labels_on(label_map, np.diag([2.0, 1.0, 1.0, 1.0]), (3, 3, 4))
    assert np.array_equal(beyond[2], labels[1])


def test_regions_on_a_picture_upside_down(tmp_path: Path) -> None:
    picture = np.full((20, 40), 0.5)
    picture[:10] = 0.25  # the disc, below when the picture is turned
    imsave(tmp_path / "one.png", picture, cmap="gray", vmin=0, vmax=1)
    regions = {"marrow": [[0, 0.25, 0.5, 0.05]], "disc": [[0, 0.75, 0.5, 0.05]]}
    path = tmp_path / "regions.json"
    path.write_text(json.dumps({"one.png": {"upside_down": True, "regions": regions}}))
    (measured,) = tissue_ratio.of_folder(tmp_path, path)
    assert measured.name == "one.png"
    assert measured.ratios["disc"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("disc", [[0, 0.5, 0.5], [0, 1.5, 0.5, 0.1], [3, 0.5, 0.5, 0.1]])
def test_a_region_outside_is_refused(disc: list[float]) -> None:
    with pytest.raises(ValueError, match="a: region"):
        tissue_ratio.of_regions("a", np.ones((1, 8, 8), np.float32), {"marrow": [disc]})


def test_a_file_without_regions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "regions.json"
    path.write_text('{"one.png": {}}')
    with pytest.raises(ValueError, match="has no 'regions'"):
        tissue_ratio.of_folder(tmp_path, path)
