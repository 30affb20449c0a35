"""Where the technician puts the stack, and with which sequence: the protocol of one scan.

Fields of view reach from T9..L2 at the top to S2..coccyx at the bottom; a few cut off a level or
have too few slices for the outermost foramina.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from scipy import fft

from model.affine import FloatArray, to_patient
from model.landmark import Point
from model.synthetic import stack
from model.synthetic.contrast import Kind, Priors, Timing
from model.synthetic.deformation import rotation

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject

_GREATEST_OBLIQUITY_DEG: Final = 8.0
_MATRICES: Final = (256, 320, 384, 448, 512)
_FEWEST, _MOST = 11, 24


@dataclass(frozen=True, slots=True)
class Protocol:
    """One scan's geometry and sequence.

    Attributes:
        kind: "T1", "T2" or "free".
        timing: TR and TE (of the spin echo; "free" contrasts have their own) and the field, T.
        centre_mm: middle of the stack, LPS.
        turn_deg: turns of the stack about x, y and z.
        field_of_view_mm: rows and columns (head to feet, front to back).
        matrix: rows and columns as acquired, before they are interpolated.
        pixels: rows and columns of the images.
        slices: 11..24.
        thickness_mm: SliceThickness, 3..5.
        gap_mm: between slices.
        phase_head_feet: phase is encoded head to feet (InPlanePhaseEncodingDirection COL) rather
            than front to back (ROW).
        bandwidth_hz: PixelBandwidth of an acquired pixel; decides the chemical shift.
    """

    kind: Kind
    timing: Timing
    centre_mm: Point
    turn_deg: tuple[float, float, float]
    field_of_view_mm: tuple[float, float]
    matrix: tuple[int, int]
    pixels: tuple[int, int]
    slices: int
    thickness_mm: float
    gap_mm: float
    phase_head_feet: bool
    bandwidth_hz: float

    @classmethod
    def sample(
        cls, rng: np.random.Generator, subject: "Subject", priors: Priors | None = None
    ) -> Self:
        """Draw a protocol that suits a subject about as well as a technician would."""
        kind = (priors or Priors()).draw(rng)
        field_mm = float(rng.choice([rng.uniform(200, 260), rng.uniform(260, 400),
                                     rng.uniform(400, 450)], p=[0.15, 0.72, 0.13]))  # fmt: skip
        thickness_mm = float(rng.choice([3.0, 3.5, 4.0, 4.0, 4.0, 4.5, 5.0]))
        gap_mm = float(thickness_mm * rng.choice([0.0, 0.1, 0.1, 0.2, 0.25]))
        pixels, matrix = _matrices(rng, field_mm)
        turn_deg = _turn(rng)
        return cls(
            kind=kind,
            timing=Timing.sample(rng, kind),
            centre_mm=_centre(rng, subject, field_mm),
            turn_deg=turn_deg,
            field_of_view_mm=(field_mm, field_mm),
            matrix=matrix,
            pixels=(pixels, pixels),
            slices=_slices(rng, subject, thickness_mm + gap_mm),
            thickness_mm=thickness_mm,
            gap_mm=gap_mm,
            phase_head_feet=bool(rng.random() < 0.7),
            bandwidth_hz=float(rng.uniform(110, 320)),
        )

    @property
    def turn(self) -> FloatArray:
        """Give the rotation of the stack from the exact sagittal plane, (3, 3)."""
        return rotation(*self.turn_deg)

    @property
    def distance_mm(self) -> float:
        """Give the distance between slice centres (SpacingBetweenSlices)."""
        return self.thickness_mm + self.gap_mm

    def affine(self, rows: int, columns: int) -> FloatArray:
        """Place the stack with its field of view divided into so many rows and columns."""
        down, along = self.field_of_view_mm
        return self.affine_of(rows, columns, (down / rows, along / columns))

    def affine_of(self, rows: int, columns: int, pixel_mm: tuple[float, float]) -> FloatArray:
        """Place a grid of its own pixel size in the middle of the stack."""
        shape = (self.slices, rows, columns)
        distances_mm = (self.distance_mm, *pixel_mm)
        return stack.affine(np.asarray(self.centre_mm), self.turn, shape, distances_mm)


def middle_mm(subject: "Subject") -> FloatArray:
    """Give the middle of the lumbar spine: of L3, of the foramina, or of the whole map."""
    if "L3-body" in subject.anchors:
        return np.asarray(subject.anchors["L3-body"], dtype=np.float64)
    if subject.points:
        points = np.asarray(list(subject.points.values()), dtype=np.float64)
        return np.asarray(points.mean(axis=0))
    shape = np.asarray(subject.label_map.labels.shape)
    return np.asarray(to_patient(subject.label_map.affine, (shape - 1) / 2)[0])


def _matrices(rng: np.random.Generator, field_mm: float) -> tuple[int, tuple[int, int]]:
    """Choose pixels of 0.4..1.2 mm, and an acquired matrix that is as fine or coarser."""
    fitting = [size for size in _MATRICES if 0.4 <= field_mm / size <= 1.2]
    pixels = int(rng.choice(fitting))
    acquired = np.clip(field_mm / rng.uniform(0.7, 1.2), 192, pixels)
    down, along = (_quick(acquired * share) for share in (rng.uniform(0.8, 1.0), 1.0))
    return pixels, (min(down, pixels), min(along, pixels))


def _quick(count: float) -> int:
    """Give the next even count without large prime factors, which Fourier transforms like."""
    return 2 * int(fft.next_fast_len(round(count / 2), real=True))


def _turn(rng: np.random.Generator) -> tuple[float, float, float]:
    """Turn about x in the plane; about y and z out of it, to 8 degrees altogether."""
    around_y, around_z = rng.normal(0.0, 2.2, 2)
    size = float(np.hypot(around_y, around_z))
    if size > _GREATEST_OBLIQUITY_DEG:
        around_y, around_z = np.array([around_y, around_z]) * _GREATEST_OBLIQUITY_DEG / size
    around_x = rng.normal(0.0, 3.0) if rng.random() < 0.25 else 0.0
    return float(around_x), float(around_y), float(around_z)


def _centre(rng: np.random.Generator, subject: "Subject", field_mm: float) -> Point:
    x, y, z = middle_mm(subject)
    if subject.points:
        x = np.mean([point[0] for point in subject.points.values()])
    x += rng.normal(0.0, 3.0)
    y -= field_mm * rng.uniform(-0.06, 0.17)
    z += rng.normal(-8.0, 10.0)
    if rng.random() < 0.06:  # set too high or too low
        z += rng.choice([-1, 1]) * rng.uniform(20, 50)
    return float(x), float(y), _within(subject, float(z), field_mm)


def _within(subject: "Subject", z_mm: float, field_mm: float) -> float:
    """Move the height of the stack's middle so that its rows stay in the map, if they fit."""
    label_map = subject.label_map
    ends = [[0, 0, 0], [0, label_map.labels.shape[1] - 1, 0]]
    low, high = np.sort(to_patient(label_map.affine, ends)[:, 2])
    slack = max(0.0, (high - low - field_mm) / 2)
    middle = (low + high) / 2
    return float(np.clip(z_mm, middle - slack, middle + slack))


def _slices(rng: np.random.Generator, subject: "Subject", distance_mm: float) -> int:
    """Cover the foramina with a margin; at times too narrowly."""
    sideways = [point[0] for point in subject.points.values()] or [-25.0, 25.0]
    reach_mm = float(np.ptp(sideways)) + rng.uniform(14, 36)
    if rng.random() < 0.05:
        reach_mm -= rng.uniform(14, 30)
    return int(np.clip(np.ceil(reach_mm / distance_mm), _FEWEST, _MOST))
