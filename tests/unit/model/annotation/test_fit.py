"""Marks of multi-frame objects: many slices under one SOP Instance UID."""

from pathlib import Path

import numpy as np
import pytest

from model.annotation.fit import require_own
from model.annotation.record import Annotation, Mark
from model.archive import Image
from model.volume import Volume

UID = "1.2.3.4"


def _volume() -> Volume:
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    pixels = np.zeros((5, 10, 10), np.float32)
    return Volume(pixels, affine, "", (UID,) * 5, "", tuple(range(1, 6)))


def _marked(x_mm: float) -> Annotation:
    mark = Mark(point_mm=(x_mm, 5.0, 5.0), sop_instance_uid=UID)
    return Annotation.model_validate(
        {"series_instance_uid": "1.2.3", "marks": {"L4-left": (mark,)}}
    )


def _image() -> Image:
    return Image(Path("one.dcm"), UID, "1.2.3", "1.2", "", "", None)


@pytest.mark.parametrize("x_mm", [0.0, 8.0, 16.0])
def test_a_mark_may_lie_on_any_frame_of_its_object_and_not_beyond(x_mm: float) -> None:
    require_own(Path("anna.json"), _marked(x_mm), _volume(), _image())
    beyond_mm = 24.0
    with pytest.raises(ValueError, match=r"a mark of L4-left .* lies 2\.0 slices off the slice"):
        require_own(Path("anna.json"), _marked(beyond_mm), _volume(), _image())
