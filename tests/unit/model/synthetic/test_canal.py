"""The dural sac and the cord."""

from dataclasses import replace

import numpy as np

from model.synthetic import canal, proportions
from model.synthetic.anatomy import draw
from model.synthetic.segment import segments
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

TRAITS = replace(
    Traits.sample(np.random.default_rng(3)), lumbar_count=5, conus_level=5.0, sac_end=2.0
)


def test_cord_ends_where_the_trait_says() -> None:
    subject = draw(3, TRAITS, (2.0, 1.4, 1.2))
    rows = np.flatnonzero((subject.label_map.labels == Tissue.CORD).any(axis=(0, 2)))
    tip_z = subject.label_map.affine[2, 3] + rows[-1] * subject.label_map.affine[2, 1]
    assert abs(tip_z - subject.anchors["L1-body"][2]) < 8


def test_sac_reaches_from_the_top_to_the_sacrum_without_a_gap() -> None:
    subject = draw(3, TRAITS, (2.0, 1.4, 1.2))
    filled = np.isin(subject.label_map.labels, [Tissue.CSF, Tissue.CORD, Tissue.CAUDA_EQUINA]).any(
        axis=(0, 2)
    )
    rows = np.flatnonzero(filled)
    assert np.all(filled[rows[0] : rows[-1]])
    assert rows[0] < 3
    end_z = subject.label_map.affine[2, 3] + rows[-1] * subject.label_map.affine[2, 1]
    assert end_z < subject.anchors["S1-body"][2]


def test_sac_narrows_to_its_end() -> None:
    spine = proportions.build(TRAITS)
    line = canal.sac_line(spine, segments(spine, TRAITS), TRAITS)
    assert np.all(np.diff(line[:, 2]) > 0)
    assert line[0, 4] < line[4, 4]
