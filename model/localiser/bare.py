"""A subject without its surroundings, for one ablation: what a spine in empty space teaches."""

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from model.synthetic.labelmap import LabelMap
from model.synthetic.tissue import Tissue

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject

_FIRST_OF_SPINE: Final = Tissue.MARROW  # what comes before it in `Tissue` is background


def bare(subject: "Subject") -> "Subject":
    """Turn everything but bones of the spine, discs, ligaments, canal and foramina into air."""
    labels = subject.label_map.labels
    spine = np.where(labels >= _FIRST_OF_SPINE, labels, np.uint8(Tissue.AIR))
    return dataclasses.replace(subject, label_map=LabelMap(spine, subject.label_map.affine))
