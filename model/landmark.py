"""What a localiser answers: ten landmarks, each a point in the patient or missed with a reason."""

from dataclasses import dataclass, field
from typing import Any, Self

from model.labels import LABELS

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Landmark:
    """One foramen: found at a point, or missed with the reason.

    Attributes:
        label: one of `model.labels.LABELS`, for example `L4-left`.
        point_mm: (x, y, z) in DICOM patient coordinates (LPS), mm; None when missed.
        confidence: 0..1; None when missed.
        reason: why there is no point, a sentence for a radiologist, ASCII; None when found.
    """

    label: str
    point_mm: Point | None = None
    confidence: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise ValueError(f"{self.label!r} names no lumbar foramen; expected one of {LABELS}")
        if (self.point_mm is None) != (self.confidence is None):
            raise ValueError(f"{self.label}: a point and its confidence come together")
        if (self.point_mm is None) == (self.reason is None):
            raise ValueError(f"{self.label}: expected either a point or a reason for none")
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"{self.label}: confidence {self.confidence} is outside 0..1")

    @property
    def found(self) -> bool:
        """Tell whether the foramen has a point."""
        return self.point_mm is not None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The ten landmarks of one series, in the order of `LABELS`.

    Attributes:
        landmarks: exactly one per label.
        abstained: why the whole scan was abstained from (levels in doubt), or None. An abstained
            prediction has no found landmark.
        bundle: name of the model bundle that answered.
        bundle_version: its version.
        bundle_digest: SHA-256 over the bundle's files, hexadecimal.
        seconds: time per step, for the job's record.
    """

    landmarks: tuple[Landmark, ...]
    bundle: str
    bundle_version: str
    bundle_digest: str
    abstained: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if tuple(mark.label for mark in self.landmarks) != LABELS:
            raise ValueError(f"expected the ten landmarks {LABELS} in this order")
        if self.abstained is not None and self.found:
            raise ValueError("an abstained prediction has no points")

    @property
    def found(self) -> tuple[Landmark, ...]:
        """List the landmarks that have a point."""
        return tuple(mark for mark in self.landmarks if mark.found)

    @property
    def missed(self) -> tuple[Landmark, ...]:
        """List the landmarks that have none, each with its reason."""
        return tuple(mark for mark in self.landmarks if not mark.found)

    def to_json(self) -> dict[str, Any]:
        """Give plain values that `json` can write; `from_json` is the inverse."""
        return {
            "landmarks": [
                {
                    "label": mark.label,
                    "point_mm": list(mark.point_mm) if mark.point_mm else None,
                    "confidence": mark.confidence,
                    "reason": mark.reason,
                }
                for mark in self.landmarks
            ],
            "abstained": self.abstained,
            "bundle": self.bundle,
            "bundle_version": self.bundle_version,
            "bundle_digest": self.bundle_digest,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        landmarks = tuple(
            Landmark(
                label=mark["label"],
                point_mm=None if mark["point_mm"] is None else tuple(mark["point_mm"]),
                confidence=mark["confidence"],
                reason=mark["reason"],
            )
            for mark in data["landmarks"]
        )
        return cls(**{**data, "landmarks": landmarks})
