"""The ablation without background keeps the spine and nothing else."""

import numpy as np

from model.localiser.bare import bare
from model.synthetic.tissue import Tissue
from tests.toy_scan import kept_subject


def test_what_is_no_spine_becomes_air() -> None:
    subject = kept_subject()
    left = bare(subject).label_map.labels
    spine = subject.label_map.labels >= Tissue.MARROW
    np.testing.assert_array_equal(left[spine], subject.label_map.labels[spine])
    assert not left[~spine].any()
    assert subject.label_map.labels[~spine].any()
