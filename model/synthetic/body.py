"""The vertebral body: a kidney-shaped drum with waist, dished endplates and spurs."""

from dataclasses import dataclass

import numpy as np

from model.synthetic.canvas import Mask, Window
from model.synthetic.noise import FloatGrid
from model.synthetic.solid import Place, intersect
from model.synthetic.spine import Size
from model.synthetic.tissue import Tissue

_ROUND_MM = 2.2  # of the rim


@dataclass(frozen=True, slots=True)
class Body:
    """Shape of one body.

    Attributes:
        size: its measures.
        concavity_mm: depth of both endplates' dish.
        node: Schmorl node (u, v, depth mm, +1 upper or -1 lower endplate); depth 0 for none.
        spur_mm: reach of the osteophytes at the (upper, lower) rim.
        phase: angle where the spurs are longest.
    """

    size: Size
    concavity_mm: float
    node: tuple[float, float, float, float]
    spur_mm: tuple[float, float]
    phase: float

    def reach(self) -> tuple[float, float, float]:
        """Give half sizes of a box round the body."""
        spur = max(self.spur_mm) + 3.0
        half = 0.5 * max(self.size.front_height, self.size.back_height) + 3.0
        return self.size.half_width + spur, self.size.half_depth + spur, half

    def radius(self, place: Place) -> FloatGrid:
        """Give the distance from the axis, 1 at the rim (superellipse, back wall hollow)."""
        size = self.size
        across = np.abs(place.u) / np.float32(size.half_width)
        depth = np.float32(size.half_depth) * np.where(
            place.v > 0, 0.95 + 0.05 * np.minimum(across * across * 2.2, 1), np.float32(1.0)
        )
        along = np.abs(place.v) / depth
        power = np.where(place.v > 0, np.float32(4.0), np.float32(2.3))
        return np.asarray((across**power + along**power) ** (1 / power), dtype=np.float32)

    def tops(self, place: Place, radius: FloatGrid) -> tuple[FloatGrid, FloatGrid]:
        """Give the heights over the upper and lower endplates, positive outside, mm."""
        size = self.size
        middle, slope = (
            size.height / 2,
            (size.front_height - size.back_height) / (4 * size.half_depth),
        )
        half = np.float32(middle) - place.v * np.float32(slope)
        dish = np.float32(self.concavity_mm) * np.maximum(1 - radius * radius, 0)
        back = np.exp(-((place.v - np.float32(0.25 * size.half_depth)) ** 2) / 120)
        upper = place.w - half + 0.75 * dish
        lower = -place.w - half + dish * (0.7 + 0.5 * back)
        u, v, depth, side = self.node
        if depth > 0:
            pit = np.float32(depth) * np.exp(-((place.u - u) ** 2 + (place.v - v) ** 2) / 30)
            if side > 0:
                upper = upper + pit
            else:
                lower = lower + pit
        return upper, lower

    def distance(self, place: Place) -> FloatGrid:
        """Evaluate the body."""
        radius = self.radius(place)
        upper, lower = self.tops(place, radius)
        half = np.float32(self.size.height / 2)
        rise = np.clip(place.w / half, -1.2, 1.2)
        behind = np.clip(place.v / np.float32(self.size.half_depth), 0, 1)
        waist = 0.085 - 0.04 * behind * behind
        girth = 1 - waist * (1 - rise * rise)
        angle = np.arctan2(place.v, place.u) - np.float32(self.phase)
        lobes = 0.55 + 0.45 * np.cos(angle)
        spur = np.where(rise > 0, np.float32(self.spur_mm[0]), np.float32(self.spur_mm[1]))
        spur = spur * lobes * np.maximum(np.abs(rise) - 0.55, 0) / 0.45
        least = np.float32(min(self.size.half_depth, self.size.half_width))
        side = (radius / girth - 1) * least * 0.95 - spur
        return intersect(side, np.maximum(upper, lower), _ROUND_MM)


def paint_inside(
    window: Window, body: Body, value: FloatGrid, modic: tuple[int, int], fresh: bool
) -> None:
    """Paint what is inside the bone: endplates, basivertebral vein, Modic bands.

    Args:
        window: of the vertebra, its bone painted as marrow in a cortical shell.
        body: its shape.
        value: implicit value of the whole vertebra at the window's voxels.
        modic: type of the band under the (upper, lower) endplate, 0 for none.
        fresh: whether the marrow is oedematous from a fracture.
    """
    inside = value < -0.5
    core = inside & (window.v < body.size.half_depth + 0.5)
    radius = body.radius(window)
    upper, lower = body.tops(window, radius)
    ragged = 1.4 * window.rough(window.noise.MEDIUM_MM, 11)
    if fresh:
        band = core & (np.maximum(upper, lower) > -9 + 2 * ragged) & (radius < 1)
        window.fill(band, Tissue.MARROW_FRACTURE, (Tissue.MARROW,))
    for kind, height in zip(modic, (upper, lower), strict=True):
        if kind:
            tissue = Tissue.MODIC_1 if kind == 1 else Tissue.MODIC_2
            reach = 7.0 + 2.5 * ragged - 5.0 * np.abs(radius - 0.4)
            window.fill(core & (height > -reach) & (radius < 1.05), tissue, (Tissue.MARROW,))
    _paint_vein(window, body, core)
    for height in (upper, lower):
        window.fill(core & (height > -1.25) & (radius < 1.0), Tissue.ENDPLATE)


def _paint_vein(window: Window, body: Body, core: Mask) -> None:
    """Paint the basivertebral vein: a flat wedge that opens to the back at mid height."""
    half_depth = body.size.half_depth
    forward = (half_depth - window.v) / np.float32(half_depth)  # 0 at the back wall
    thick = np.clip(2.9 - 4.6 * forward, 0, None) + 0.25 * window.rough(1.8, 5)
    wide = np.clip(3.5 + 5 * forward, 0, 9)
    vein = core & (np.abs(window.w + 0.4) < thick) & (np.abs(window.u) < wide) & (forward < 0.72)
    window.fill(vein, Tissue.BASIVERTEBRAL_VEIN)
