"""Paint tissues fast: each solid only inside its own box of the label map.

A `Window` is the box of voxels round a solid together with the local coordinates of these voxels,
so that a solid is written as an inequality in the frame of its own part:

    window = canvas.window(frame, (-30, -20, -15), (30, 20, 15))
    window.fill((window.u / 30) ** 2 + (window.v / 20) ** 2 < 1, Tissue.MARROW)
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.synthetic.frame import Frame
from model.synthetic.labelmap import LabelArray, LabelMap
from model.synthetic.noise import FloatGrid, Noise
from model.synthetic.tissue import Tissue

Mask = npt.NDArray[np.bool_]
Corner = Sequence[float]

PATIENT = Frame(np.zeros(3), np.eye(3))


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """A box of a canvas, seen from a frame.

    Attributes:
        labels: view into the canvas, uint8 (slice, row, column); writing it paints.
        u: local coordinate to the left, mm, float32 of the same shape (may be a broadcast view).
        v: to the back.
        w: to the head.
        start: index of the first voxel in the canvas.
        noise: the canvas's noise.
    """

    labels: LabelArray
    u: FloatGrid
    v: FloatGrid
    w: FloatGrid
    start: tuple[int, int, int]
    noise: Noise

    def fill(self, inside: Mask, tissue: Tissue, over: Collection[Tissue] | None = None) -> None:
        """Paint a tissue where `inside` holds, and only over some tissues if they are given."""
        if over is not None:
            inside = inside & among(self.labels, over)
        self.labels[inside] = tissue

    def part(self, cut: tuple[slice, ...]) -> "Window":
        """See a part of the window; `cut` has one slice with start and stop per axis."""
        start = tuple(first + one.start for first, one in zip(self.start, cut, strict=True))
        return Window(
            self.labels[cut],
            self.u[cut],
            self.v[cut],
            self.w[cut],
            (start[0], start[1], start[2]),
            self.noise,
        )

    def rough(self, length_mm: float, key: int) -> FloatGrid:
        """Give zero-mean, unit-variance smooth noise at the voxels (see `Noise.read`)."""
        count = self.labels.shape
        return self.noise.read(length_mm, self.start, (count[0], count[1], count[2]), key)


def among(labels: LabelArray, tissues: Collection[Tissue]) -> Mask:
    """Tell which voxels have one of these tissues."""
    table = np.zeros(256, dtype=np.bool_)
    table[[int(tissue) for tissue in tissues]] = True
    return np.asarray(table[labels])


@dataclass(frozen=True, eq=False, slots=True)
class Canvas:
    """A label map while it is painted; its axes are the patient's.

    Attributes:
        labels: uint8 (slice, row, column): right to left, head to feet, front to back.
        affine: 4x4, index to LPS mm.
        noise: smooth noise at its voxels.
    """

    labels: LabelArray
    affine: FloatArray
    noise: Noise

    @classmethod
    def blank(
        cls,
        lower_mm: Corner,
        upper_mm: Corner,
        spacing_mm: tuple[float, float, float],
        rng: np.random.Generator,
    ) -> Self:
        """Make a canvas of AIR that covers a box (x, y, z).

        Args:
            lower_mm: least x (right), y (front), z (feet).
            upper_mm: greatest x (left), y (back), z (head).
            spacing_mm: between slices (x), rows (z) and columns (y).
            rng: for the noise.
        """
        extent = np.asarray(upper_mm, dtype=np.float64) - np.asarray(lower_mm, dtype=np.float64)
        shape = [
            int(np.ceil(size / step))
            for size, step in zip(extent[[0, 2, 1]], spacing_mm, strict=True)
        ]
        affine = np.eye(4)
        affine[:3, :3] = [
            [spacing_mm[0], 0, 0],
            [0, 0, spacing_mm[2]],
            [0, -spacing_mm[1], 0],
        ]
        affine[:3, 3] = lower_mm[0], lower_mm[1], upper_mm[2]
        return cls(np.zeros(shape, dtype=np.uint8), affine, Noise.sample(rng, spacing_mm))

    @property
    def lower_mm(self) -> FloatArray:
        """Give the least (x, y, z) of voxel centres, mm."""
        last = self.affine @ [0, self.labels.shape[1] - 1, 0, 1]
        return np.asarray(last[:3])

    @property
    def upper_mm(self) -> FloatArray:
        """Give the greatest (x, y, z) of voxel centres, mm."""
        last = self.affine @ [self.labels.shape[0] - 1, 0, self.labels.shape[2] - 1, 1]
        return np.asarray(last[:3])

    def axes_mm(self) -> tuple[FloatGrid, FloatGrid, FloatGrid]:
        """Give x of the slices, z of the rows and y of the columns as three 1-D arrays, mm."""
        slices, rows, columns = self.labels.shape
        x = self.affine[0, 3] + self.affine[0, 0] * np.arange(slices)
        z = self.affine[2, 3] + self.affine[2, 1] * np.arange(rows)
        y = self.affine[1, 3] + self.affine[1, 2] * np.arange(columns)
        return x.astype(np.float32), z.astype(np.float32), y.astype(np.float32)

    def window(self, frame: Frame, lower_mm: Corner, upper_mm: Corner) -> Window:
        """See a box, given by two corners (u, v, w) in a frame, and cut it at the canvas's edge.

        The window covers the voxels of the box's bounding box in the patient; it may be empty.
        """
        corners = np.array(
            [
                [u, v, w]
                for u in (lower_mm[0], upper_mm[0])
                for v in (lower_mm[1], upper_mm[1])
                for w in (lower_mm[2], upper_mm[2])
            ]
        )
        points = frame.to_patient(corners)
        return self._cut(frame, points.min(axis=0), points.max(axis=0))

    def box(self, lower_mm: Corner, upper_mm: Corner) -> Window:
        """See a box given in the patient: u, v, w are x, y, z."""
        return self._cut(PATIENT, np.asarray(lower_mm), np.asarray(upper_mm))

    def _cut(self, frame: Frame, lower: FloatArray, upper: FloatArray) -> Window:
        step = self.affine[0, 0], -self.affine[2, 1], self.affine[1, 2]
        origin = self.affine[:3, 3]
        low = (
            (lower[0] - origin[0]) / step[0],
            (origin[2] - upper[2]) / step[1],
            (lower[1] - origin[1]) / step[2],
        )
        high = (
            (upper[0] - origin[0]) / step[0],
            (origin[2] - lower[2]) / step[1],
            (upper[1] - origin[1]) / step[2],
        )
        first = [max(0, int(np.floor(one))) for one in low]
        last = [
            max(begin, min(count, int(np.ceil(one)) + 1))
            for begin, one, count in zip(first, high, self.labels.shape, strict=True)
        ]
        part = tuple(slice(*pair) for pair in zip(first, last, strict=True))
        u, v, w = self._local(frame, part)
        return Window(self.labels[part], u, v, w, (first[0], first[1], first[2]), self.noise)

    def _local(
        self, frame: Frame, part: tuple[slice, ...]
    ) -> tuple[FloatGrid, FloatGrid, FloatGrid]:
        """Give u, v, w of a part's voxels; broadcast views where the frame is the patient's."""
        x, z, y = self.axes_mm()
        shape = tuple(one.stop - one.start for one in part)
        lines = (x[part[0], None, None], y[None, None, part[2]], z[None, part[1], None])
        if frame is PATIENT:
            u, v, w = (np.broadcast_to(line, shape) for line in lines)
            return u, v, w
        offset = frame.axes @ frame.origin_mm
        local = []
        for row, shift in zip(frame.axes.astype(np.float32), offset, strict=True):
            in_plane = lines[1] * row[1] + (lines[2] * row[2] - np.float32(shift))
            local.append(lines[0] * row[0] + in_plane)
        return local[0], local[1], local[2]

    def label_map(self) -> LabelMap:
        """Give what was painted."""
        return LabelMap(self.labels, self.affine)
