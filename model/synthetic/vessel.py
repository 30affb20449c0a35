"""Aorta, vena cava, iliac and mesenteric vessels.

Diameters and places after the trunk CT of TotalSegmentator's tests (aorta about 20 mm wide, 10-14
mm left of the midline; vena cava 24 by 17 mm, 15-20 mm right) and textbook values (bifurcation of
the aorta at L4, confluence of the veins at L4/5 to L5).
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from model.affine import FloatArray
from model.synthetic import strand
from model.synthetic.canvas import Canvas
from model.synthetic.column import Column, wander
from model.synthetic.ladder import Ladder
from model.synthetic.spine import Spine
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_OVER = (Tissue.VISCERAL_FAT,)
_CALCIFIED_FROM = 0.45
_SAMPLES = 96


@dataclass(frozen=True, slots=True)
class _Course:
    """Where a vessel runs: (level, mm left of the bodies, mm in front of their front, radius)."""

    knots: tuple[tuple[float, float, float, float], ...]

    def column(self, ladder: Ladder, flatness: float, sway: FloatArray) -> Column:
        level, left, ahead, radius = np.array(self.knots).T
        fine = np.linspace(level.min(), level.max(), _SAMPLES)
        order = np.argsort(level)
        left, ahead, radius = (
            np.interp(fine, level[order], one[order]) for one in (left, ahead, radius)
        )
        z = ladder.height(fine)
        end_mm = np.minimum(z - z[0], z[-1] - z)
        radius = radius * np.sqrt(np.clip(end_mm / radius, 0.03, 1.0))  # round ends
        share = np.linspace(0, 1, _SAMPLES)
        x = ladder.x_at(z) + left + np.interp(share, np.linspace(0, 1, len(sway)), sway)
        bend = np.interp(share, np.linspace(0, 1, len(sway)), np.abs(sway[::-1]))
        y = ladder.front_at(z) - ahead - 0.7 * bend * np.clip(end_mm / 40, 0, 1)
        return Column.of(np.stack([z, x, y, radius * flatness, radius / flatness], axis=1))


def paint(
    canvas: Canvas, ladder: Ladder, spine: Spine, traits: Traits, rng: np.random.Generator
) -> None:
    """Paint the great vessels into the fat in front of the spine."""
    size = 0.5 * (traits.scale + traits.breadth) * rng.uniform(0.9, 1.12)
    fork = float(rng.uniform(1.5, 2.4))
    confluence = fork - float(rng.uniform(0.3, 0.8))
    _veins(canvas, ladder, size, confluence, rng)
    _arteries(canvas, ladder, traits, rng, size=size, fork=fork)
    _branches(canvas, ladder, size, rng)
    _segmental(canvas, spine, rng)


def _arteries(
    canvas: Canvas, ladder: Ladder, traits: Traits, rng: np.random.Generator,
    *, size: float, fork: float,
) -> None:  # fmt: skip
    wide = size * (1 + 0.35 * traits.calcified**2)
    radius = 7.3 * wide
    left = rng.uniform(6, 12)
    gap = rng.uniform(3.0, 7.0)
    aorta = _Course(
        (
            (13.0, left + 8, gap + radius * 0.6, radius * 1.15),
            (8.0, left + 4, gap + radius, radius * 1.1),
            (5.0, left, gap + radius, radius),
            (fork, left * 0.6, gap + radius, radius * 0.9),
            (fork - 0.3, left * 0.6, gap + radius * 0.8, radius * 0.8),
        )
    )
    sway = wander(rng, 24, 2.5 + 5.0 * traits.calcified, stiffness=1.4)
    trunk = aorta.column(ladder, 1.0, sway)
    for side in (-1.0, 1.0):
        start = left * 0.6 + sway[0]
        branch = _Course(
            (
                (fork + 0.1, start + side * 4, gap + radius * 1.0, 5.8 * wide),
                (fork - 0.9, start + side * 15, gap + 6, 5.6 * wide),
                (0.1, side * 34, 6.0, 5.3 * wide),
                (-1.2, side * 48, 8.0, 4.8 * wide),
                (-2.5, side * 58, 26.0, 4.5 * wide),
                (-4.5, side * 64, 60.0, 4.5 * wide),
            )
        )
        branch.column(ladder, 1.0, wander(rng, 16, 1 + 4 * traits.calcified)).fill(
            canvas, Tissue.AORTA, (*_OVER, Tissue.VENA_CAVA)
        )
    window = trunk.window(canvas)
    distance = trunk.distance(window, rough=0.03, key=11)
    window.fill(distance < 1, Tissue.AORTA, (*_OVER, Tissue.VENA_CAVA))
    if traits.calcified > _CALCIFIED_FROM:
        plaque = (
            (distance > 0.86) & (distance < 1.02) & (window.rough(4.5, 12) > 1.9 - traits.calcified)
        )
        window.fill(plaque, Tissue.CORTICAL_BONE, (Tissue.AORTA,))


def _veins(
    canvas: Canvas, ladder: Ladder, size: float, confluence: float, rng: np.random.Generator
) -> None:
    right = -rng.uniform(10, 17)
    filled = rng.uniform(0.75, 1.15)  # volume status decides whether the cava is round or flat
    radius = 7.5 * size * filled
    gap = rng.uniform(2.0, 5.0)
    cava = _Course(
        (
            (13.0, right, 34.0, radius),
            (8.5, right - 2, 26.0, radius),
            (6.0, right, 13.0, radius),
            (4.0, right, gap + radius * 0.8, radius),
            (confluence, right * 0.6, gap + radius * 0.7, radius),
            (confluence - 0.45, right * 0.5, gap + radius * 0.5, radius * 0.8),
        )
    )
    flat = 1.08 + 0.6 * (1.15 - filled)
    for side in (-1.0, 1.0):
        reach = 30.0 if side < 0 else 34.0
        branch = _Course(
            (
                (confluence + 0.2, right * 0.6 + side * 5, 8.0, 7.0 * size),
                (confluence - 0.6, side * 16 - 4, 7.5, 7.0 * size),
                (-0.1, side * reach, 0.0, 6.8 * size),
                (-1.2, side * 46, 0.0, 5.8 * size),
                (-2.5, side * 58, 16.0, 5.5 * size),
                (-4.5, side * 64, 48.0, 5.5 * size),
            )
        )
        branch.column(ladder, 1.1, wander(rng, 16, 1.5)).fill(canvas, Tissue.VENA_CAVA, _OVER)
    cava.column(ladder, flat, wander(rng, 20, 2.5)).fill(
        canvas, Tissue.VENA_CAVA, _OVER, rough=0.05, key=13
    )


def _branches(canvas: Canvas, ladder: Ladder, size: float, rng: np.random.Generator) -> None:
    """Paint the upper mesenteric vessels, which run down in front of the aorta, and the gonadal."""
    fat = rng.uniform(8, 20)
    mesenteric = _Course(
        (
            (5.6, 8.0, 20.0 * size, 2.8), (4.6, 6.0, 26 + fat, 2.8), (3.0, 2.0, 28 + fat, 2.6),
            (1.0, -10.0, 40 + fat, 1.8),
        )
    )  # fmt: skip
    mesenteric.column(ladder, 1.0, wander(rng, 14, 6.0, stiffness=1.0)).fill(
        canvas, Tissue.VESSEL, _OVER
    )
    beside = _Course(
        ((5.0, -4.0, 32 + fat, 3.6), (4.2, -8.0, 30 + fat, 3.4), (1.5, -20.0, 42 + fat, 2.2))
    )
    beside.column(ladder, 1.0, wander(rng, 14, 6.0, stiffness=1.0)).fill(
        canvas, Tissue.VESSEL, _OVER
    )
    for side in (-1.0, 1.0):
        gonadal = _Course(
            ((4.5, side * 38, 14.0, 1.8), (2.0, side * 44, 20.0, 1.8), (0.0, side * 50, 22.0, 2.0))
        )
        gonadal.column(ladder, 1.0, wander(rng, 14, 3.0)).fill(canvas, Tissue.VESSEL, _OVER)


def _segmental(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Paint the lumbar arteries and veins round the waists of the bodies towards the foramina."""
    for one, side in product(spine.vertebrae, (-1.0, 1.0)):
        angle = np.linspace(-0.32 * np.pi, 0.12 * np.pi, 60)
        round_body = np.stack(
            [
                side * (one.size.half_width + 1.5) * np.cos(angle),
                (one.size.half_depth + 1.5) * np.sin(angle),
                rng.normal(-1.0, 1.5) + wander(rng, len(angle), 0.8),
            ],
            axis=1,
        )
        line = one.frame.to_patient(round_body)
        for over in (Tissue.VISCERAL_FAT, Tissue.PSOAS):
            strand.paint(canvas, line, rng.uniform(1.2, 2.0), Tissue.VESSEL, over)
