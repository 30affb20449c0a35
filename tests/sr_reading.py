"""Reports and their images as the rules see them: plain data sets, geometry worked out again.

Nothing here uses the code under test.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from pydicom import Dataset

SEGMENTS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
ALL_LABELS = tuple(f"{segment} {side}" for segment in SEGMENTS for side in ("left", "right"))
LEVELS = dict(  # CID 1003
    zip(("243920003", "243921004", "243922006", "243923001", "243927000"), SEGMENTS, strict=True)
)
SIDES = {"7771000": "left", "24028007": "right"}  # CID 244
ARROW = "Cornerstone3DTools@^0.1.0:ArrowAnnotate"

Key = tuple[str, int | None]
"""A reference to an image: SOP Instance UID, and the frame number of a multi-frame object."""


@dataclass(frozen=True)
class Plane:
    """Where the pixels of one image lie (PS3.3 section C.7.6.2.1.1)."""

    position_mm: np.ndarray
    right_mm: np.ndarray
    down_mm: np.ndarray
    columns: int
    rows: int

    @classmethod
    def of(cls, position: Dataset, orientation: Dataset, measures: Dataset, image: Dataset):
        cosines = np.array(orientation.ImageOrientationPatient, float)
        between_rows, between_columns = map(float, measures.PixelSpacing)
        return cls(
            np.array(position.ImagePositionPatient, float),
            cosines[:3] * between_columns,
            cosines[3:] * between_rows,
            int(image.Columns),
            int(image.Rows),
        )

    @property
    def normal(self) -> np.ndarray:
        normal = np.cross(self.right_mm, self.down_mm)
        return normal / np.linalg.norm(normal)

    def to_patient(self, x: float, y: float) -> np.ndarray:
        """SCOORD counts from the outer corner of the first pixel, positions from its centre."""
        return self.position_mm + self.right_mm * (x - 0.5) + self.down_mm * (y - 0.5)

    def off_mm(self, point_mm: Sequence[float]) -> float:
        return float(self.normal @ (np.asarray(point_mm, float) - self.position_mm))

    def foot_of(self, point_mm: Sequence[float]) -> np.ndarray:
        """Drop a point perpendicularly onto the plane."""
        return np.asarray(point_mm, float) - self.normal * self.off_mm(point_mm)


def read_label(name: str) -> str:
    """Turn a label of code and files into what people read: `L4-left` is `L4/L5 left`."""
    level, side = name.split("-")
    return f"{SEGMENTS[int(level[1]) - 1]} {side}"


def planes(images: Sequence[Dataset]) -> dict[Key, Plane]:
    """Read the planes of a series: one per classic image, one per frame of an enhanced one."""
    found: dict[Key, Plane] = {}
    for image in images:
        uid = str(image.SOPInstanceUID)
        if "PerFrameFunctionalGroupsSequence" not in image:
            found[uid, None] = Plane.of(image, image, image, image)
            continue
        for number, frame in enumerate(image.PerFrameFunctionalGroupsSequence, 1):
            found[uid, number] = Plane.of(
                _functional_group(image, frame, "PlanePositionSequence"),
                _functional_group(image, frame, "PlaneOrientationSequence"),
                _functional_group(image, frame, "PixelMeasuresSequence"),
                image,
            )
    return found


def _functional_group(image: Dataset, frame: Dataset, keyword: str) -> Dataset:
    holder = frame if keyword in frame else image.SharedFunctionalGroupsSequence[0]
    return holder[keyword].value[0]


def nearest(point_mm: Sequence[float], among: Mapping[Key, Plane]) -> Key:
    """Find the image that a point lies next to."""
    return min(among, key=lambda key: abs(among[key].off_mm(point_mm)))


def code(sequence: Sequence[Dataset]) -> tuple[str, str, str]:
    """Give value, scheme and meaning of a code."""
    item = sequence[0]
    return str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.CodeMeaning)


def concept(item: Dataset) -> str:
    """Give the code value of an item's concept name."""
    return code(item.ConceptNameCodeSequence)[0] if item.get("ConceptNameCodeSequence") else ""


def walk(item: Dataset) -> Iterator[Dataset]:
    """Give a content item and all below it."""
    yield item
    for child in item.get("ContentSequence", []):
        yield from walk(child)


@dataclass
class Group:
    """One measurement group as it stands in the tree."""

    item: Dataset
    position: int

    def named(self, value: str) -> list[Dataset]:
        return [child for child in self.item.ContentSequence if concept(child) == value]

    def of_type(self, value_type: str) -> list[Dataset]:
        return [child for child in self.item.ContentSequence if child.ValueType == value_type]

    def text(self, value: str) -> str:
        return "".join(
            str(item.get("TextValue", item.get("UID", ""))) for item in self.named(value)
        )

    @property
    def sites(self) -> list[Dataset]:
        return self.named("363698007")

    @property
    def label(self) -> str:
        """Say which foramen it is by the codes alone; empty when they do not tell, or disagree."""
        values = [code(site.ConceptCodeSequence)[0] for site in self.sites]
        levels = {LEVELS[value] for value in values if value in LEVELS}
        sides = {SIDES.get(side, "") for site in self.sites for side in _lateralities(site)}
        if len(levels) != 1 or len(sides) != 1 or not all(sides):
            return ""
        return f"{levels.pop()} {sides.pop()}"

    @property
    def words(self) -> list[str]:
        """List what people read in the group."""
        read = [self.text("112039").removeprefix(ARROW), self.text("121106")]
        return [word for word in (*read, *map(_meaning, self.sites)) if word]


def _lateralities(site: Dataset) -> list[str]:
    found = [child for child in site.get("ContentSequence", []) if concept(child) == "272741003"]
    return [code(child.ConceptCodeSequence)[0] for child in found] or [""]


def _meaning(site: Dataset) -> str:
    return code(site.ConceptCodeSequence)[2]


@dataclass
class Judged:
    """A report beside its images."""

    document: Dataset
    images: Sequence[Dataset]
    located: Sequence[str]
    arrow: bool = True
    flat: bool = True
    planes: Mapping[Key, Plane] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.planes = planes(self.images)

    @cached_property
    def items(self) -> list[Dataset]:
        return list(walk(self.document))

    @cached_property
    def groups(self) -> list[Group]:
        found = [item for item in self.items if concept(item) == "125007"]
        return [Group(item, position) for position, item in enumerate(found)]

    @cached_property
    def by_label(self) -> dict[str, list[Group]]:
        found: dict[str, list[Group]] = {}
        for group in self.groups:
            found.setdefault(group.label, []).append(group)
        return found

    @cached_property
    def flat_points(self) -> list[tuple[str, Key, tuple[float, float]]]:
        """List (label, image, (x, y)) of every SCOORD that refers to an image of the series."""
        found = []
        for group in self.groups:
            for item in group.of_type("SCOORD"):
                keys = [key for child in item.ContentSequence for _, key in references(child)]
                if len(keys) == 1 and keys[0] in self.planes:
                    x, y = map(float, item.GraphicData)
                    found.append((group.label, keys[0], (x, y)))
        return found

    @cached_property
    def deep_points(self) -> list[tuple[str, np.ndarray]]:
        """List (label, point in mm) of every SCOORD3D."""
        return [
            (group.label, np.array(item.GraphicData, float))
            for group in self.groups
            for item in group.of_type("SCOORD3D")
        ]

    @cached_property
    def places(self) -> dict[str, np.ndarray]:
        """Give a point in mm per label, the SCOORD's where there is one."""
        flat = {label: self.planes[key].to_patient(*xy) for label, key, xy in self.flat_points}
        return dict(self.deep_points) | flat


def references(item: Dataset) -> list[tuple[str, Key]]:
    """List SOP class and image of each reference that an item has."""
    found = []
    for one in item.get("ReferencedSOPSequence", []):
        frames = one.get("ReferencedFrameNumber")
        number = int(frames) if frames is not None else None
        found.append((str(one.ReferencedSOPClassUID), (str(one.ReferencedSOPInstanceUID), number)))
    return found
