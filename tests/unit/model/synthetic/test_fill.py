"""A complete body around a map of bones: nothing empty inside the skin, nothing overwritten."""

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from model.affine import to_index
from model.synthetic import fill
from model.synthetic.labelmap import LabelMap
from model.synthetic.tissue import Tissue

SPACING_MM = 3.0


def bones(spacing_mm: float = SPACING_MM) -> LabelMap:
    """Draw two vertebrae with an arch, 12 mm apart, the canal's middle in the patient's origin."""
    axes = [np.arange(-half, half + 1, spacing_mm) for half in (36.0, 36.0, 60.0)]
    left, down, back = np.meshgrid(*axes, indexing="ij")
    tall = (np.abs(down) > 6) & (np.abs(down) < 33)
    body = (left / 24) ** 2 + ((back + 27) / 17) ** 2 < 1
    ring = (left / 20) ** 2 + (back / 16) ** 2
    arch = (ring < 1) & ((left / 11) ** 2 + (back / 9) ** 2 >= 1) & (np.abs(np.abs(down) - 22) < 9)
    labels = np.where(tall & (body | arch), Tissue.MARROW, fill.UNKNOWN).astype(np.uint8)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) * spacing_mm
    affine[:3, 3] = [axes[0][0], axes[2][0], -axes[1][0]]
    return LabelMap(labels, affine)


@pytest.fixture(scope="module")
def filled() -> LabelMap:
    return fill.complete(bones(), np.random.default_rng(1))


def test_every_voxel_is_told_and_none_inside_the_skin_is_empty(filled: LabelMap) -> None:
    assert fill.UNKNOWN not in filled.labels
    outside, count = ndimage.label(filled.labels == Tissue.AIR)
    border = np.concatenate([outside[0].ravel(), outside[-1].ravel(), outside[:, :, 0].ravel()])
    assert set(range(1, count + 1)) <= set(border)  # all air is around the body
    assert (filled.labels == Tissue.SKIN).any()


def test_what_the_map_says_stays() -> None:
    given = bones(1.5)
    filled = fill.complete(given, np.random.default_rng(1))
    where = np.argwhere(given.labels != fill.UNKNOWN)
    points = where @ given.affine[:3, :3].T + given.affine[:3, 3]
    kept = {Tissue.MARROW, Tissue.CORTICAL_BONE}
    assert set(np.unique(filled.at(points))) <= {int(one) for one in kept}


@pytest.mark.parametrize(
    ("point_mm", "tissue"),
    [
        ((0.0, 4.0, 0.0), Tissue.CAUDA_EQUINA),
        ((0.0, -3.0, 0.0), Tissue.CSF),
        ((0.0, -25.0, 0.0), Tissue.NUCLEUS),
        ((15.0, 6.0, 0.0), Tissue.FORAMINAL_FAT),
        ((-15.0, 6.0, 0.0), Tissue.FORAMINAL_FAT),
        ((150.0, -30.0, 0.0), Tissue.SUBCUTANEOUS_FAT),
        ((0.0, -170.0, 0.0), Tissue.AIR),
    ],
)
def test_tissues_lie_where_they_belong(filled: LabelMap, point_mm: Any, tissue: Tissue) -> None:
    assert filled.at([point_mm])[0] == tissue


def test_a_coarse_map_is_refined_in_place() -> None:
    given = bones()
    fine = fill.complete(given, np.random.default_rng(1))
    assert max(fine.spacing_mm) <= 1.5
    corner = to_index(fine.affine, given.affine[:3, 3][None])[0]
    assert np.allclose(corner % 1, 0.5)  # voxels were halved about their centres


def test_a_map_without_bone_is_refused() -> None:
    empty = LabelMap(np.full((4, 4, 4), fill.UNKNOWN, np.uint8), np.eye(4))
    with pytest.raises(ValueError, match="shows no bone"):
        fill.complete(empty, np.random.default_rng(1))


def test_a_lone_voxel_of_bone_that_refining_loses_is_refused() -> None:
    labels = np.full((20, 20, 20), Tissue.MUSCLE, np.uint8)
    labels[9, 9, 9] = Tissue.MARROW
    lone = LabelMap(labels, np.diag([2.0, 2.0, 2.0, 1.0]))
    with pytest.raises(ValueError, match="shows no bone"):
        fill.complete(lone, np.random.default_rng(1))
