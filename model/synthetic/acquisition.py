"""Image a subject: full series for DICOM, small volumes for training.

Both take the same way: protocol, deformation, contrast, stack with partial volume, texture,
chemical shift, coil, k-space, noise. Points move with the subject.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from model import affine as affine_map
from model.affine import FloatArray
from model.landmark import Point
from model.synthetic import artefacts, augmentation, coil, contrast, stack, survey, texture
from model.synthetic.augmentation import Augmentation
from model.synthetic.contrast import Priors
from model.synthetic.deformation import Deformation
from model.synthetic.gather import centres, gather
from model.synthetic.scan import Scan, as_point, flipped
from model.synthetic.survey import Protocol

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject
    from model.synthetic.foramen import Foramen

__all__ = ["Priors", "Protocol", "Scan", "image", "sample"]

Floats = npt.NDArray[np.float32]

_SCALE: Final = 1000.0  # of the brightest half per cent, as scanners scale
_IMAGE_SAMPLES: Final = 10
_TRAINING_SAMPLES: Final = 6
_METAL: Final = 0.05
_AROUND_MM: Final = (12.0, 30.0, 13.0)  # slices, rows and columns of the body of L3 and discs


def image(
    subject: "Subject",
    rng: np.random.Generator,
    *,
    priors: Priors | None = None,
    protocol: Protocol | None = None,
    strength: float = 0.6,
) -> Scan:
    """Image a subject at full resolution, as a scanner does.

    Args:
        subject: what lies in the scanner.
        rng: drawn from in a fixed order: the same state gives the same scan.
        priors: how often each kind of contrast is drawn; not used when a protocol is given.
        protocol: geometry and sequence; None draws one.
        strength: of the deformation; 0 leaves the subject as it is.
    """
    protocol = protocol or Protocol.sample(rng, subject, priors)
    deformation = Deformation.sample(rng, survey.middle_mm(subject), strength)
    rows, columns = protocol.matrix
    exposure = _Exposure(subject, protocol, deformation, protocol.affine(rows, columns))
    signal = exposure.signal(rng, (protocol.slices, rows, columns), _IMAGE_SAMPLES)
    reception = coil.receive(rng, subject, deformation, exposure.affine, signal.shape)
    signal *= reception.gain
    flaws = artefacts.Flaws.sample(rng, phase_head_feet=protocol.phase_head_feet)
    noise = exposure.level(signal) / rng.uniform(14, 45)
    pixels = artefacts.through_k_space(rng, signal, flaws, noise=noise, pixels=protocol.pixels)
    affine = _finer(exposure.affine, protocol.matrix, protocol.pixels)
    pixels *= _finer_field(reception.correction, protocol.pixels)
    return _scan(exposure, _scaled(pixels), affine)


def sample(
    subject: "Subject",
    rng: np.random.Generator,
    *,
    priors: Priors | None = None,
    pixel_mm: float = 2.8,
    shape: tuple[int, int, int] = (20, 160, 160),
    protocol: Protocol | None = None,
    augment: Augmentation | None = None,
    strength: float = 1.0,
) -> Scan:
    """Make a training volume: coarse in the plane, slices as the protocol has them.

    Args:
        subject: what lies in the scanner.
        rng: drawn from in a fixed order: the same state gives the same volume.
        priors: how often each kind of contrast is drawn; not used when a protocol is given.
        pixel_mm: of the volume, rows and columns alike.
        shape: the most slices, and the rows and columns, in whose middle the field of view lies;
            pixels beyond the field of view are 0.
        protocol: geometry and sequence; None draws one.
        augment: what is changed further; None takes the usual probabilities.
        strength: of the deformation; 0 leaves the subject as it is.

    Returns:
        a scan with at most `shape[0]` slices.
    """
    augment = augment or Augmentation()
    protocol = protocol or Protocol.sample(rng, subject, priors)
    protocol = replace(protocol, slices=min(protocol.slices, shape[0]))
    deformation = Deformation.sample(rng, survey.middle_mm(subject), strength)
    affine = protocol.affine_of(shape[1], shape[2], (pixel_mm, pixel_mm))
    exposure = _Exposure(subject, protocol, deformation, affine)
    signal = exposure.signal(rng, (protocol.slices, *shape[1:]), _TRAINING_SAMPLES)
    reception = coil.receive(rng, subject, deformation, affine, signal.shape)
    signal *= reception.gain
    flaws = artefacts.Flaws.sample(rng, phase_head_feet=protocol.phase_head_feet)
    noise = exposure.level(signal) / np.exp(rng.uniform(np.log(8), np.log(80)))
    if rng.random() < 0.4:
        signal = artefacts.through_k_space(rng, signal, flaws, noise=noise, pixels=shape[1:])
    else:
        signal = artefacts.rician(rng, signal, noise)
    signal *= reception.correction
    signal = augmentation.intensities(rng, signal, augment)
    _blank_outside(signal, protocol, pixel_mm)
    scan = _scan(exposure, _scaled(signal), affine)
    return flipped(scan) if rng.random() < augment.flip else scan


@dataclass(frozen=True, eq=False, slots=True)
class _Exposure:
    """A subject in the scanner.

    Attributes:
        subject: who.
        protocol: how.
        deformation: from scan to subject.
        affine: of the acquired stack.
    """

    subject: "Subject"
    protocol: Protocol
    deformation: Deformation
    affine: FloatArray

    def signal(self, rng: np.random.Generator, shape: tuple[int, int, int], samples: int) -> Floats:
        """Give what the tissues emit: water, displaced fat, texture, voids of metal."""
        protocol = self.protocol
        distance_mm, down_mm, along_mm = affine_map.spacing_mm(self.affine)
        table = contrast.table(rng, protocol.kind, protocol.timing)
        offsets = stack.offsets(samples, protocol.thickness_mm, distance_mm)
        found = gather(
            self.subject.label_map,
            self.deformation,
            affine=self.affine,
            shape=shape,
            offsets=offsets,
            table=table,
        )
        fat = np.ascontiguousarray(found[..., contrast.FAT])
        read_axis, pixel_mm = (2, along_mm) if protocol.phase_head_feet else (1, down_mm)
        fat = artefacts.shifted(fat, self._fat_shift_mm(rng, read_axis) / pixel_mm, read_axis)
        fat += found[..., contrast.WATER]
        fat *= self._texture(rng, found, pixel_mm)
        if rng.random() < _METAL and self.subject.points:
            points = np.asarray(list(self.subject.points.values()))
            chosen = rng.permutation(len(points))[: int(rng.integers(1, 5))]
            artefacts.metal(rng, fat, self.affine, self.deformation.to_scan(points[chosen]))
        np.maximum(fat, 0, out=fat)
        return self._breathed(rng, fat)

    def level(self, signal: Floats) -> float:
        """Give the median brightness about the body of L3, against which noise is measured."""
        middle = self.deformation.to_scan(survey.middle_mm(self.subject)[None])
        place = affine_map.to_index(self.affine, middle)[0]
        reach = np.array(_AROUND_MM) / affine_map.spacing_mm(self.affine)
        low = np.clip(np.rint(place - reach), 0, np.array(signal.shape) - 1).astype(int)
        high = np.maximum(np.rint(place + reach), low + 1).astype(int)
        found = signal[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
        return max(float(np.median(found)), 1e-3)

    def _fat_shift_mm(self, rng: np.random.Generator, read_axis: int) -> float:
        protocol = self.protocol
        acquired_mm = protocol.field_of_view_mm[read_axis - 1] / protocol.matrix[read_axis - 1]
        pixels = artefacts.fat_shift(protocol.timing.field_t, protocol.bandwidth_hz)
        return float(rng.choice([-1.0, 1.0]) * min(pixels, 2.0) * acquired_mm)

    def _breathed(self, rng: np.random.Generator, signal: Floats) -> Floats:
        """Blur what lies well in front of the spine and moves with breath and bowel."""
        _, down_mm, along_mm = affine_map.spacing_mm(self.affine)
        front_mm = survey.middle_mm(self.subject)[1] - rng.uniform(30, 60)
        index = np.zeros((signal.shape[2], 3))
        index[:] = (np.asarray(signal.shape) - 1) / 2
        index[:, 2] = np.arange(len(index))
        y_mm = affine_map.to_patient(self.affine, index)[:, 1]
        share = rng.uniform(0.2, 1.0) / (1 + np.exp((y_mm - front_mm) / 10))
        blur_mm = rng.uniform(0.8, 3.5)
        pixels = (blur_mm * rng.uniform(0.4, 1.0) / down_mm, blur_mm / along_mm)
        return artefacts.blurred(signal, pixels, share.astype(np.float32))

    def _texture(self, rng: np.random.Generator, found: Floats, pixel_mm: float) -> Floats:
        """Give the factor (slice, row, column) by which tissues are uneven."""
        shape, label_map = found.shape[:3], self.subject.label_map
        uneven = texture.smooth(rng, self.affine, shape, (9.0, 80.0))
        grain = texture.Pattern.grain(rng, label_map.spacing_mm, pixel_mm)
        streaks = texture.Pattern.streaks(rng, label_map.spacing_mm, pixel_mm)
        cloudy = np.float32(rng.uniform(0.02, 0.05))
        low_rows = _streaky(self.subject)
        places = centres(label_map, self.deformation, affine=self.affine, shape=shape)
        for plane, tissue, place in zip(uneven, found, places, strict=True):
            field, rough = plane.reshape(-1), tissue[..., contrast.GRAIN].reshape(-1)
            field *= rough + cloudy
            field += grain.read(place) * rough
            line = streaks.read(place)
            line *= low_rows.take(place[1].astype(np.int32), mode="clip")
            line *= tissue[..., contrast.STREAK].reshape(-1)
            field += line
        uneven += 1
        return np.maximum(uneven, np.float32(0.05), out=uneven)

    def moved(self, points: Mapping[str, Point]) -> dict[str, Point]:
        """Move named points into the scan."""
        if not points:
            return {}
        found = self.deformation.to_scan(np.asarray(list(points.values())))
        return {name: as_point(place) for name, place in zip(points, found, strict=True)}

    def moved_foramen(self, foramen: "Foramen") -> "Foramen":
        """Move a canal: its ends move exactly, its axes stay at right angles."""
        centre = np.asarray(foramen.centre_mm, dtype=np.float64)
        half_mm = np.asarray(foramen.half_mm, dtype=np.float64)
        reach = np.asarray(foramen.axes) * half_mm[:, None]
        found = self.deformation.to_scan(np.vstack([centre, centre + reach, centre - reach]))
        arms = (found[1:4] - found[4:]) / 2
        return replace(
            foramen,
            centre_mm=found[0],
            axes=_right_angles(arms),
            half_mm=np.linalg.norm(arms, axis=1),
        )


def _scan(exposure: _Exposure, pixels: Floats, affine: FloatArray) -> Scan:
    subject, protocol = exposure.subject, exposure.protocol
    return Scan(
        pixels=pixels,
        affine=affine,
        slice_thickness_mm=protocol.thickness_mm,
        contrast=protocol.kind,
        protocol=protocol,
        points=exposure.moved(subject.points),
        decoys=exposure.moved(subject.decoys),
        anchors=exposure.moved(subject.anchors),
        foramina={name: exposure.moved_foramen(one) for name, one in subject.foramina.items()},
    )


def _streaky(subject: "Subject") -> Floats:
    """Give for every row of the map how streaky muscle is there: most at L4 to S1."""
    count = subject.label_map.labels.shape[1]
    if not {"L2-body", "L5-body"} <= set(subject.anchors):
        return np.ones(count, dtype=np.float32)
    ends = [subject.anchors["L2-body"], subject.anchors["L5-body"]]
    rows = affine_map.to_index(subject.label_map.affine, ends)[:, 1]
    return np.interp(np.arange(count), rows, [0.5, 1.5]).astype(np.float32)


def _right_angles(arms: FloatArray) -> FloatArray:
    """Give the unit axes nearest to three arms, the first one's direction kept."""
    first = arms[0] / np.linalg.norm(arms[0])
    second = arms[1] - first * (first @ arms[1])
    second /= np.linalg.norm(second)
    third = np.cross(first, second)
    return np.stack([first, second, third * np.sign(third @ arms[2])])


def _scaled(pixels: Floats) -> Floats:
    top = max(float(np.quantile(pixels[:, ::4, ::4], 0.995)), 1e-6)
    pixels *= np.float32(_SCALE / top)
    return pixels


def _finer(affine: FloatArray, matrix: tuple[int, int], pixels: tuple[int, int]) -> FloatArray:
    """Divide the field of view anew; interpolation by zeros keeps index 0 in its place."""
    result = affine.copy()
    result[:3, 1:3] *= np.asarray(matrix) / np.asarray(pixels)
    return result


def _finer_field(field: Floats, pixels: tuple[int, int]) -> Floats:
    """Read a smooth field at the nearest pixels of the finer image."""
    rows, columns = (
        np.arange(fine) * coarse // fine
        for fine, coarse in zip(pixels, field.shape[1:], strict=True)
    )
    return field[:, rows[:, None], columns]


def _blank_outside(signal: Floats, protocol: Protocol, pixel_mm: float) -> None:
    for axis, reach_mm in enumerate(protocol.field_of_view_mm, start=1):
        count = signal.shape[axis]
        away_mm = np.abs(np.arange(count) - (count - 1) / 2) * pixel_mm
        outside = away_mm > reach_mm / 2
        signal[(slice(None),) * axis + (outside,)] = 0
