"""Marks as an annotator sets them: one point on each slice that cuts a foramen.

Lower foramina are longer from their medial to their lateral opening, so that they are marked on
more slices: in the thesis 1154:1274:1582:2060:2267 from L1 to L5 (table 7.5).
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from model import affine as affine_map
from model.affine import FloatArray
from model.landmark import Point

if TYPE_CHECKING:
    from model.synthetic.acquisition import Scan
    from model.synthetic.foramen import Foramen

REACH_MM: Final = {"L1": 3.15, "L2": 3.5, "L3": 4.35, "L4": 5.65, "L5": 6.2}
"""How far to either side of its middle a foramen is followed along its canal: what makes the
thesis's counts, taken over both sides of its 400 training scans, of the slice distances that
`model.synthetic.survey` draws."""

_LEAST_OBLIQUITY = 0.2  # cosine below which a canal lies in the slice instead of crossing it


def marks(scan: "Scan") -> dict[str, list[Point]]:
    """Mark each foramen of a scan on every slice that cuts it.

    The mark lies where the axis of the canal crosses the middle of the slice. A foramen between
    two slices is marked on the nearer one; one outside the imaged volume has no mark.

    Returns:
        label to (x, y, z) in LPS mm, from the patient's right to the left.
    """
    found = {
        name: _marked(foramen, scan.affine, scan.pixels.shape)
        for name, foramen in scan.foramina.items()
    }
    return {name: points for name, points in found.items() if points}


def inside(point_mm: Point, affine: FloatArray, shape: tuple[int, ...]) -> bool:
    """Tell whether a point lies in an imaged volume, by whole pixels and slice distances."""
    index = affine_map.to_index(affine, [point_mm])[0]
    return bool(np.all((index >= -0.5) & (index <= np.asarray(shape) - 0.5)))


def _marked(foramen: "Foramen", affine: FloatArray, shape: tuple[int, ...]) -> list[Point]:
    centre_mm = np.asarray(foramen.centre_mm, dtype=np.float64)
    lateral = np.asarray(foramen.axes[0], dtype=np.float64)
    middle = affine_map.to_index(affine, [centre_mm])[0]
    step = affine_map.to_index(affine, [centre_mm + lateral])[0] - middle  # indices per mm
    slice_mm = affine_map.spacing_mm(affine)[0]
    if abs(step[0]) * slice_mm < _LEAST_OBLIQUITY:
        return []
    reach = abs(step[0]) * REACH_MM[foramen.name.partition("-")[0]]
    numbers = np.arange(np.ceil(middle[0] - reach), np.floor(middle[0] + reach) + 1)
    if len(numbers) == 0:
        numbers = np.array([np.rint(middle[0])])
    along_mm = (numbers - middle[0]) / step[0]
    points = centre_mm + along_mm[:, None] * lateral
    made = [(float(x), float(y), float(z)) for x, y, z in points]
    return [point for point in made if inside(point, affine, shape)]
